import { readFileSync } from 'node:fs'
import { parseAddress } from '../decide/address.ts'
import { folderMailer } from '../mail/folder.ts'
import { type SmtpMailer, smtpMailer } from '../mail/smtp.ts'
import type { MailAddress, Mailer } from '../ports/mailer.ts'
import type { Realm } from './realm.ts'
import { SettingsError } from './settings.ts'

/** The mail server that is set, or a folder for mails while there is none. @throws SettingsError, MailSettingsError */
export const openMailer = ({
  settings,
  paths,
  secrets,
  clock,
}: Pick<Realm, 'settings' | 'paths' | 'secrets' | 'clock'>): Mailer & Partial<Pick<SmtpMailer, 'check'>> => {
  const { smtp, smtpCa, mailRate, mailDir } = settings
  if (smtp === undefined) return folderMailer({ folder: mailDir ?? paths.mail })
  return smtpMailer({
    url: smtp,
    clock,
    perSecond: mailRate,
    ...(URL.canParse(smtp) &&
      new URL(smtp).username !== '' && {
        password: async () => (await secrets.read({ name: 'smtp', key: 'password' }, 'smtp')).value,
      }),
    ...(smtpCa !== undefined && { ca: readFileSync(smtpCa, 'utf8') }),
  })
}

/** Sender of organizations that name none: as set, else `no-reply` at the host of the public URL. @throws SettingsError */
export const senderOf = (mailFrom: string | undefined, publicUrl: string): MailAddress => {
  if (mailFrom === undefined) return { name: 'Roster', address: `no-reply@${defaultDomain(publicUrl)}` }
  const parsed = parseAddress(mailFrom)
  if ('problem' in parsed) throw new SettingsError(`--mail-from ${JSON.stringify(mailFrom)} ${parsed.problem}`)
  return { address: parsed.text }
}

const defaultDomain = (publicUrl: string): string => {
  const { hostname } = new URL(publicUrl)
  return /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(hostname) && !/^[\d.]+$/.test(hostname) ? hostname : 'roster.invalid'
}

/** Connects to the mail server once, sends nothing. @returns what is wrong, in a sentence; undefined when it can be used, or when there is none */
export const mailTrouble = async (
  { settings, clock }: Pick<Realm, 'settings' | 'clock'>,
  mailer: Partial<Pick<SmtpMailer, 'check'>>,
  signal: AbortSignal,
): Promise<string | undefined> => {
  const checked = await mailer.check?.({ deadline: clock.now() + 30_000, signal })
  if (!checked || checked.usable || signal.aborted) return undefined
  return `the mail server ${settings.smtp} cannot be used: ${checked.response}; mails wait and are tried again`
}
