import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, readdir, rename, unlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Mailer } from '../ports/mailer.ts'
import { readEml, readHeaders } from './eml.ts'
import { MessageError } from './errors.ts'
import { type Message, messageBytes } from './message.ts'
import { escapedLine } from './plain.ts'

/**
 * Puts mails into a folder instead of sending them: one `.eml` file a Message-ID, so that a copy of a mail replaces it.
 * Mails hold links that sign somebody in: files are 0600, and a folder that is made here is 0700.
 */
export function folderMailer({ folder }: { folder: string }): Mailer {
  const place = resolve(folder)
  return {
    binding: `folder:${place}`,

    async send(mail, { signal, admit }) {
      let message: Message
      try {
        message = await messageBytes(mail)
      } catch (error) {
        if (error instanceof MessageError) return { outcome: 'Refused', response: escapedLine(error.message, 200) }
        throw error
      }
      if (signal.aborted) return { outcome: 'NotSent', response: 'stopped' }
      const stays = await admit?.()
      if (stays !== undefined) return { outcome: 'NotSent', response: escapedLine(stays, 200) }
      const file = fileName(message.to, mail.messageId)
      try {
        await writeWhole(place, file, message.bytes)
        return { outcome: 'Sent', response: `written to ${file}` }
      } catch (error) {
        return {
          outcome: 'NotSent',
          response: escapedLine(`cannot write to ${place}: ${(error as Error).message}`, 200),
          serverDown: true,
        }
      }
    },

    async [Symbol.asyncDispose]() {},
  }
}

/** A mail in the folder, as a list shows it. */
export interface FolderMail {
  /** Name inside the folder, for {@link readMail}. */
  file: string
  /** Address, with the name where there is one. */
  to: string
  subject: string
  /** RFC 3339. */
  date: string
  messageId: string
}

/** The mails in the folder, newest first; none when there is no folder. Files of other names are not looked at. */
export async function listMails(folder: string, { limit = 1000 }: { limit?: number } = {}): Promise<FolderMail[]> {
  const files = (await entries(folder)).filter(name => FILE.test(name)).sort()
  const mails: FolderMail[] = []
  for (const file of files) {
    const start = await readRegular(join(folder, file), HEAD)
    const headers = start && readHeaders(start)
    const date = new Date(headers?.get('date') ?? Number.NaN)
    if (!headers || Number.isNaN(date.getTime())) continue // not written by us, or gone meanwhile
    const header = (name: string) => headers.get(name) ?? ''
    mails.push({
      file,
      to: header('to'),
      subject: header('subject'),
      date: date.toISOString(),
      messageId: header('message-id'),
    })
  }
  // times first, then names: Array.sort is stable
  return mails.sort((one, other) => (one.date < other.date ? 1 : one.date > other.date ? -1 : 0)).slice(0, limit)
}

/** One mail of the folder; undefined when there is none of this name. A name that is not one of ours, with a path in it for instance, names nothing. */
export async function readMail(
  folder: string,
  file: string,
): Promise<(FolderMail & { from: string; text: string; html: string }) | undefined> {
  if (!FILE.test(file)) return undefined
  const bytes = await readRegular(join(folder, file), MOST)
  if (!bytes) return undefined
  const { headers, text, html } = readEml(bytes)
  const header = (name: string) => headers.get(name) ?? ''
  const date = new Date(header('date'))
  if (Number.isNaN(date.getTime())) return undefined
  return {
    file,
    from: header('from'),
    to: header('to'),
    subject: header('subject'),
    date: date.toISOString(),
    messageId: header('message-id'),
    text,
    html,
  }
}

const FILE = /^[a-z0-9][a-z0-9._+-]{0,79}-[0-9a-f]{16}\.eml$/
const HEAD = 16 * 1024
const MOST = 8 * 1024 * 1024

/** `alice-acme.example-3f2a….eml`: readable, and the same for the same Message-ID. */
function fileName(to: string, messageId: string): string {
  const readable = to
    .toLowerCase()
    .replace(/[^a-z0-9._+-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 60)
  return `${readable || 'mail'}-${createHash('sha256').update(messageId).digest('hex').slice(0, 16)}.eml`
}

/** The file is there whole or not at all, also after a power cut. */
async function writeWhole(folder: string, file: string, bytes: Buffer): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const draft = join(folder, `.${file}.${process.pid}.part`)
  try {
    await using handle = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | NOFOLLOW, 0o600)
    await handle.writeFile(bytes)
    await handle.sync()
  } catch (error) {
    await unlink(draft).catch(() => {})
    throw error
  }
  await rename(draft, join(folder, file))
  if (process.platform === 'win32') return // a folder cannot be opened there
  await using entry = await open(folder, constants.O_RDONLY)
  await entry.sync()
}

async function entries(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** At most `most` bytes from the start of a regular file; links are not followed. */
async function readRegular(path: string, most: number): Promise<Buffer | undefined> {
  try {
    await using handle = await open(path, constants.O_RDONLY | NOFOLLOW | (constants.O_NONBLOCK ?? 0))
    const stat = await handle.stat()
    if (!stat.isFile()) return undefined
    const { bytesRead, buffer } = await handle.read({ buffer: Buffer.alloc(Math.min(stat.size, most)), position: 0 })
    return buffer.subarray(0, bytesRead)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'EMLINK') return undefined
    throw error
  }
}

/** Absent on Windows. */
const NOFOLLOW = constants.O_NOFOLLOW ?? 0
