import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { folderMailer, listMails, readMail } from '../../src/mail/folder.ts'
import { composeMail } from '../../src/mail/templates/compose.ts'
import type { OutgoingMail } from '../../src/ports/mailer.ts'
import { samples } from './samples.ts'

let base: string
let folder: string
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'roster-mail-'))
  folder = join(base, 'data', 'mail')
})
afterEach(() => rm(base, { recursive: true, force: true }))

const options = { deadline: Number.MAX_SAFE_INTEGER, signal: new AbortController().signal }
const mail = (changes: Partial<OutgoingMail> = {}): OutgoingMail => ({
  ...composeMail('invitation', samples.invitation, { languages: ['de'] }),
  messageId: '<m-abc.1@people.acme.example>',
  from: { name: 'Acme IT', address: 'it@acme.example' },
  to: { name: 'Alice Ärmel', address: 'alice@acme.example' },
  date: '2026-11-22T08:14:00.000Z',
  ...changes,
})

describe('a folder of mails', () => {
  it('holds none that may not leave', async () => {
    const mailer = folderMailer({ folder })
    const stays = { ...options, admit: async () => 'acme is frozen' }
    expect(await mailer.send(mail(), stays)).toEqual({ outcome: 'NotSent', response: 'acme is frozen' })
    expect(await listMails(folder)).toEqual([])
  })

  it('holds one file a Message-ID, however often it is sent', async () => {
    const mailer = folderMailer({ folder })
    const first = await mailer.send(mail(), options)
    expect(first).toMatchObject({
      outcome: 'Sent',
      response: expect.stringMatching(/^written to alice-acme\.example-[0-9a-f]{16}\.eml$/),
    })
    const [file = ''] = await readdir(folder)
    const bytes = await readFile(join(folder, file))
    expect(await mailer.send(mail(), options)).toEqual(first)
    expect(await readdir(folder)).toEqual([file])
    expect(await readFile(join(folder, file))).toEqual(bytes)
    await mailer.send(mail({ messageId: '<m-abc.2@people.acme.example>' }), options)
    expect(await readdir(folder)).toHaveLength(2)
  })

  it.skipIf(process.platform === 'win32')('is for its owner alone', async () => {
    await folderMailer({ folder }).send(mail(), options)
    const [file = ''] = await readdir(folder)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600)
  })

  it('is listed newest first, and read back as it was written', async () => {
    const mailer = folderMailer({ folder })
    await mailer.send(mail(), options)
    await mailer.send(
      mail({
        messageId: '<later@people.acme.example>',
        date: '2026-11-22T09:00:00.000Z',
        to: { address: 'bob@acme.example' },
      }),
      options,
    )
    const mails = await listMails(folder)
    expect(mails).toEqual([
      {
        file: expect.stringMatching(/^bob-/),
        to: 'bob@acme.example',
        subject: mail().subject,
        date: '2026-11-22T09:00:00.000Z',
        messageId: '<later@people.acme.example>',
      },
      {
        file: expect.stringMatching(/^alice-/),
        to: 'Alice Ärmel <alice@acme.example>',
        subject: 'Acme GmbH lädt Sie zu CloudHub ein',
        date: '2026-11-22T08:14:00.000Z',
        messageId: '<m-abc.1@people.acme.example>',
      },
    ])
    const read = await readMail(folder, mails[1]?.file ?? '')
    expect(read?.text).toBe(mail().text)
    expect(read?.html).toBe(mail().html)
    expect(read?.from).toBe('Acme IT <it@acme.example>')
    expect(await listMails(folder, { limit: 1 })).toHaveLength(1)
  })

  it('that is not there is empty', async () => {
    expect(await listMails(folder)).toEqual([])
    expect(await readMail(folder, 'alice-acme.example-0123456789abcdef.eml')).toBeUndefined()
  })

  it('gives nothing but its own mails', async () => {
    await folderMailer({ folder }).send(mail(), options)
    await writeFile(
      join(base, 'data', 'secret-0123456789abcdef.eml'),
      'Date: Sun, 22 Nov 2026 08:14:00 +0000\r\n\r\nsecret',
    )
    await symlink(join(base, 'data', 'secret-0123456789abcdef.eml'), join(folder, 'link-0123456789abcdef.eml'))
    await mkdir(join(folder, 'folder-0123456789abcdef.eml'))
    await writeFile(join(folder, 'noise-0123456789abcdef.eml'), Buffer.from([0, 255, 10, 10, 0]))
    await writeFile(join(folder, 'notes.txt'), 'Date: Sun, 22 Nov 2026 08:14:00 +0000\r\n\r\nnotes')
    expect((await listMails(folder)).map(({ file }) => file)).toEqual([expect.stringMatching(/^alice-/)])
    for (const file of [
      '../secret-0123456789abcdef.eml',
      '..%2fsecret-0123456789abcdef.eml',
      '/etc/passwd',
      'link-0123456789abcdef.eml',
      'folder-0123456789abcdef.eml',
      'noise-0123456789abcdef.eml',
      'notes.txt',
      '',
      '..',
      'a\0-0123456789abcdef.eml',
    ]) {
      expect(await readMail(folder, file), file).toBeUndefined()
    }
  })

  it('names files so that no address leaves it', async () => {
    const mailer = folderMailer({ folder })
    for (const [index, address] of [
      '../../up@acme.example',
      '.hidden@acme.example',
      '-rf@acme.example',
      'con/x@acme.example',
      'ÄÖ@acme.example',
      `${'l'.repeat(64)}@acme.example`,
    ].entries()) {
      expect(await mailer.send(mail({ messageId: `<${index}@x.example>`, to: { address } }), options)).toMatchObject({
        outcome: 'Sent',
      })
    }
    expect(await readdir(base)).toEqual(['data'])
    expect(await readdir(join(base, 'data'))).toEqual(['mail'])
    expect(await listMails(folder)).toHaveLength(6)
  })

  it('that cannot be written says why', async () => {
    await writeFile(join(base, 'file'), '')
    const mailer = folderMailer({ folder: join(base, 'file', 'mail') })
    expect(await mailer.send(mail(), options)).toMatchObject({
      outcome: 'NotSent',
      serverDown: true,
      response: expect.stringContaining('ENOTDIR'),
    })
  })

  it('takes no mail that may not be sent', async () => {
    const mailer = folderMailer({ folder })
    expect(await mailer.send(mail({ subject: 'x\r\nBcc: eve@x.example' }), options)).toMatchObject({
      outcome: 'Refused',
    })
    expect(await listMails(folder)).toEqual([])
  })
})
