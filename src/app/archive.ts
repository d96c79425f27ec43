import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { type Retry, RosterError } from '../api/errors.ts'
import type { Reason } from '../api/names.ts'

/** A file is no archive of ours, or not whole. */
export class ArchiveError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'InvalidSpec'
}

const BLOCK = 512
const CHUNK = 1024 * 1024
/** Largest size that eleven octal digits hold. */
const MOST = 8 ** 11 - 1

/** Writes files one after the other as a tar archive (POSIX.1-1988 ustar), so that `tar` can look into it. The target must not exist; mode 0600. */
export const writeArchive = async (
  target: string,
  members: readonly ({ name: string } & ({ file: string } | { text: string }))[],
): Promise<void> => {
  const out = await open(target, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    for (const member of members) {
      if ('text' in member) {
        const bytes = Buffer.from(member.text)
        await out.writeFile(header(member.name, bytes.length))
        await out.writeFile(bytes)
        await out.writeFile(padding(bytes.length))
        continue
      }
      const source = await open(member.file, 'r')
      try {
        const { size } = await source.stat()
        if (size > MOST) throw new ArchiveError(`${member.file} is larger than 8 GiB, which this archive cannot hold`)
        await out.writeFile(header(member.name, size))
        for (let at = 0; at < size; ) {
          const { buffer, bytesRead } = await source.read(Buffer.alloc(Math.min(CHUNK, size - at)), 0, undefined, at)
          if (bytesRead === 0) throw new ArchiveError(`${member.file} became shorter while it was read`)
          await out.writeFile(buffer.subarray(0, bytesRead))
          at += bytesRead
        }
        await out.writeFile(padding(size))
      } finally {
        await source.close()
      }
    }
    await out.writeFile(Buffer.alloc(2 * BLOCK))
    await out.sync()
  } finally {
    await out.close()
  }
}

/**
 * Unpacks the members that are asked for into files (new, mode 0600), and gives the SHA-256 of each. Names in the archive never become paths:
 * `place` says where each goes, and undefined passes it over.
 * @throws ArchiveError
 */
export const readArchive = async (
  file: string,
  place: (name: string, size: number) => string | undefined,
): Promise<Map<string, string>> => {
  const found = new Map<string, string>()
  const source = await open(file, 'r')
  try {
    const { size: whole } = await source.stat()
    for (let at = 0; ; ) {
      const head = await exactly(source, at, BLOCK, file)
      if (head.every(byte => byte === 0)) return found
      const { name, size } = parse(head, file)
      at += BLOCK
      if (at + size > whole) throw new ArchiveError(`${file} is cut off in the middle of ${name}; use another backup`)
      const target = place(name, size)
      if (target !== undefined) {
        if (found.has(name)) throw new ArchiveError(`${file} holds ${name} twice; use another backup`)
        found.set(name, await unpack(source, at, size, target, file))
      }
      at += size + padding(size).length
    }
  } finally {
    await source.close()
  }
}

const unpack = async (
  source: FileHandle,
  from: number,
  size: number,
  target: string,
  file: string,
): Promise<string> => {
  const hash = createHash('sha256')
  const out = await open(target, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    for (let at = 0; at < size; ) {
      const bytes = await exactly(source, from + at, Math.min(CHUNK, size - at), file)
      hash.update(bytes)
      await out.writeFile(bytes)
      at += bytes.length
    }
    await out.sync()
  } finally {
    await out.close()
  }
  return hash.digest('hex')
}

const exactly = async (source: FileHandle, at: number, length: number, file: string): Promise<Buffer> => {
  const { buffer, bytesRead } = await source.read(Buffer.alloc(length), 0, length, at)
  if (bytesRead !== length) throw new ArchiveError(`${file} is no backup of Roster, or cut off; use another one`)
  return buffer
}

const header = (name: string, size: number): Buffer => {
  const block = Buffer.alloc(BLOCK)
  const put = (text: string, at: number): void => void block.write(text, at, 'latin1')
  put(name, 0)
  put('0000600\0', 100)
  put('0000000\0', 108)
  put('0000000\0', 116)
  put(`${size.toString(8).padStart(11, '0')}\0`, 124)
  put(`${'0'.padStart(11, '0')}\0`, 136)
  put('        ', 148)
  put('0', 156)
  put('ustar\0', 257)
  put('00', 263)
  put(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

const parse = (block: Buffer, file: string): { name: string; size: number } => {
  const text = (from: number, to: number): string => block.toString('latin1', from, to).replace(/\0.*$/s, '')
  const said = Number.parseInt(text(148, 156), 8)
  const blank = Buffer.from(block)
  blank.fill(' ', 148, 156)
  const size = Number.parseInt(text(124, 136), 8)
  if (text(257, 262) !== 'ustar' || said !== checksum(blank) || !Number.isSafeInteger(size) || size < 0)
    throw new ArchiveError(`${file} is no backup of Roster, or damaged; name the file that \`roster backup\` made`)
  return { name: text(0, 100), size }
}

const checksum = (block: Buffer): number => block.reduce((sum, byte) => sum + byte, 0)
const padding = (size: number): Buffer => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK)
