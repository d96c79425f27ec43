import type { MailData, MailOrganization } from '../../src/mail/templates/mails.ts'

export const acme: MailOrganization = {
  name: 'Acme GmbH',
  customerId: '10042',
  product: 'CloudHub',
  timeZone: 'Europe/Berlin',
  contacts: [{ name: 'Bob Berg', email: 'bob@acme.example', phone: '+49 30 123456' }],
  privacyUrl: 'https://acme.example/privacy',
}

const token = 'v1.k1.m-5d2k7q3vxw2mzc4t6h8n1p9r0s.3.1764144840.bG9uZy1lbm91Z2gtdG8tYmUtYS1tYWM'

/** One mail of every kind, as people get it. */
export const samples: MailData = {
  invitation: {
    organization: acme,
    address: 'alice@acme.example',
    person: 'Alice Ärmel',
    inviter: 'Bob Berg',
    roles: ['Editor', 'Billing'],
    validUntil: '2026-11-23T08:14:00.000Z',
    link: `https://people.acme.example/invitations/${token}`,
    message:
      'Hi Alice,\n\nplease join before Monday, the project starts then. What we do is explained at https://wiki.acme.example/start.\n\nBob',
  },
  accountCreated: {
    organization: acme,
    address: 'alice@acme.example',
    person: 'Alice Ärmel',
    inviter: 'Bob Berg',
    roles: ['Editor'],
    validUntil: '2026-07-01T12:00:00.000Z',
    link: `https://people.acme.example/invitations/${token}`,
    signInUrl: 'https://people.acme.example/sign-in',
  },
  welcome: {
    organization: acme,
    address: 'alice@acme.example',
    person: 'Alice Ärmel',
    roles: [{ name: 'Editor', description: 'Writes and publishes documents.' }, { name: 'Billing' }],
    homeUrl: 'https://app.acme.example',
    portalUrl: 'https://people.acme.example/me',
    links: [{ title: 'Data sheet', url: 'https://acme.example/data-sheet.pdf' }],
    licenses: ['cloudHQ Business'],
  },
  licenseKeys: {
    organization: acme,
    address: 'alice@acme.example',
    person: 'Alice Ärmel',
    licenseProduct: 'cloudHQ Business',
    keys: [
      'AAAA-BBBB-CCCC-DDDD',
      'EEEE-FFFF-0000-1111',
      'a-very-long-key-without-any-break-0123456789abcdef0123456789abcdef0123456789abcdef',
    ],
    homeUrl: 'https://app.acme.example',
  },
  invitationFailed: {
    organization: acme,
    address: 'bob@acme.example',
    invited: { address: 'carol@partner.example', name: 'Carol' },
    inviter: 'Bob Berg',
    roles: ['Viewer', 'Billing'],
    resource: 'Invitation/carol-partner',
    declaredAt: 'invitations/carol.yaml:3',
    attempts: 1,
    time: '2026-11-22T08:14:00.000Z',
    response: '550 5.1.1 <carol@partner.example>: Recipient address rejected: see http://postmaster.partner.example',
  },
  invitationGaveUp: {
    organization: acme,
    address: 'bob@acme.example',
    invited: { address: 'carol@partner.example', name: 'Carol' },
    roles: [],
    resource: 'User/carol',
    attempts: 3,
    time: '2026-11-22T08:14:00.000Z',
    response: '250 2.0.0 Ok: queued as 4711',
  },
  invitationsHeld: {
    organization: acme,
    organizationName: 'acme',
    address: 'bob@acme.example',
    held: {
      producer: 'source/people',
      people: 23,
      invited: ['carol@partner.example', 'dan', 'eve'],
      time: '2026-11-22T08:14:00.000Z',
      resource: 'RemovalSet/acme.4jx2qk7m3a',
    },
  },
  directoryStale: {
    organization: acme,
    organizationName: 'acme',
    address: 'bob@acme.example',
    directory: {
      name: 'hr',
      type: 'LDAP',
      since: '2026-11-20T08:14:00.000Z',
      problem: 'ldap.acme.example: no answer within 30 s; check url and the network',
      resource: 'Directory/hr',
      declaredAt: 'directories/hr.yaml:2',
    },
  },
  removalsHeld: {
    organization: acme,
    organizationName: 'acme',
    address: 'bob@acme.example',
    held: {
      producer: 'source/people',
      people: 23,
      losses: [
        { name: 'alice', membership: false, suspended: false, roles: ['Editor', 'Billing'], groups: ['platform'] },
        { name: 'carol@partner.example', membership: true, suspended: false, roles: ['Viewer'], groups: [] },
        { name: 'dan', membership: false, suspended: true, roles: [], groups: [] },
        { name: 'eve', membership: false, suspended: false, roles: [], groups: [] },
      ],
      reason: 'Budget',
      time: '2026-11-22T08:14:00.000Z',
      resource: 'RemovalSet/acme.4jx2qk7m3a',
    },
  },
}

/** What else golden files show: a bare invitation, and one with all of its extras. */
export const variants = {
  'invitation-bare': {
    organization: { name: 'acme', product: 'acme' },
    address: 'alice@acme.example',
    roles: [],
    validUntil: '2026-11-23T08:14:00.000Z',
    link: 'http://127.0.0.1:8080/invitations/v1.short',
  },
  'invitation-renewed': { ...samples.invitation, renewed: true },
} satisfies Record<string, MailData['invitation']>
