import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SmtpPeer } from '../peers/smtp.ts'
import { linkIn } from './person.ts'
import type { Workplace } from './process.ts'

/** An organization whose people come from a table, with limits lifted and three seats too few. */
export const writeManifests = async (folder: string, people: number): Promise<void> => {
  await mkdir(join(folder, 'acme'), { recursive: true })
  await writeFile(
    join(folder, 'acme', 'acme.yaml'),
    `apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {displayName: Acme, domains: [acme.example], invitations: {dailyLimitPerInviter: 1000, dailyLimit: 1000}}
---
apiVersion: roster.dev/v1alpha1
kind: Role
metadata: {name: viewer}
spec: {organization: acme, allow: ["documents:read"]}
---
apiVersion: roster.dev/v1alpha1
kind: LicensePool
metadata: {name: suite}
spec: {organization: acme, product: Suite, seats: ${people - 3}, selector: {roles: [viewer]}}
`,
  )
  const rows = Array.from({ length: people }, (_, index) => `p${index},p${index}@acme.example,acme,viewer`)
  await writeFile(join(folder, 'acme', 'people.csv'), `name,email,organization,roles\n${rows.join('\n')}\n`)
}

/** Sends through the peer, as fast as it goes. */
export const serverArguments = (peer: SmtpPeer, place: Workplace): string[] => [
  '--smtp',
  `smtp://127.0.0.1:${peer.port}`,
  '--public-url',
  place.url,
  '--mail-rate',
  '200',
]

/** Addresses that got a mail, with the different links and ids that each of them got. */
export const received = (peer: SmtpPeer) => {
  const byAddress = new Map<string, { ids: Set<string>; links: Set<string>; copies: number }>()
  for (const { to, parsed } of peer.mails)
    for (const address of to) {
      const entry = byAddress.get(address) ?? { ids: new Set(), links: new Set(), copies: 0 }
      entry.ids.add(parsed.messageId ?? '')
      entry.links.add(linkIn({ text: parsed.text ?? '', to: address, messageId: '', subject: '', file: '' }))
      entry.copies += 1
      byAddress.set(address, entry)
    }
  return byAddress
}
