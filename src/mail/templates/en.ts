import type { Catalogue } from './catalogue.ts'

const who = (inviter: string | undefined, company: string) =>
  inviter === undefined ? company : `${inviter} from ${company}`

export const en: Catalogue = {
  language: 'en',
  direction: 'ltr',
  region: 'en-GB',
  greeting: name => (name === undefined ? 'Hello,' : `Hello ${name},`),
  company: (name, customerId) => (customerId === undefined ? name : `${name} (customer ${customerId})`),
  label: {
    inviter: 'Invited by',
    organization: 'Organization',
    product: 'Product',
    roles: 'Roles',
    address: 'For the address',
    validUntil: 'Valid until',
    licenses: 'Licences',
    resource: 'Resource',
    declaredAt: 'Declared in',
    attempts: 'Mails sent',
    lastTry: 'Last try',
    invited: 'Invited address',
  },
  noRoles: 'None yet',
  invitation: {
    subject: (organization, product) => `${organization} invites you to ${product}`,
    renewedSubject: (organization, product) => `${organization}: your new link to ${product}`,
    heading: product => `You are invited to ${product}`,
    lead: ({ inviter, company, product }) => `${who(inviter, company)} invites you to ${product}.`,
    renewed: 'This is a new link. The ones in earlier mails no longer work.',
    quoted: inviter => (inviter === undefined ? 'A message with this invitation:' : `${inviter} writes:`),
    button: 'Open the invitation',
    decide: 'Opening it accepts nothing: you decide on the page.',
    ignore: 'If you do nothing, nothing happens: you do not join, and the link stops working at the time given above.',
    decline:
      'You do not want to join, or do not know who is asking? Open the invitation and choose to decline or to report it.',
  },
  accountCreated: {
    subject: (organization, product) => `${organization}: your account for ${product}`,
    renewedSubject: (organization, product) => `${organization}: your new link to ${product}`,
    heading: product => `Your account for ${product}`,
    lead: ({ inviter, company, product }) =>
      `${who(inviter, company)} made an account for you for ${product}. Set a password, and you can sign in.`,
    renewed: 'This is a new link. The ones in earlier mails no longer work.',
    button: 'Set a password',
    once: 'The link works once, until the time given above.',
    later: 'From then on you sign in here, with your address and your password:',
    mistake: 'You do not expect this? Do not set a password: without one nobody can sign in.',
  },
  welcome: {
    subject: (organization, product) => `Welcome to ${product} at ${organization}`,
    heading: product => `Welcome to ${product}`,
    lead: (company, product) => `You have joined ${company}. Here is what you have in ${product}.`,
    roles: 'Your roles',
    restricted:
      'You have no role yet. Until an administrator gives you one you can see the home page, help and your settings.',
    button: product => `Open ${product}`,
    hint: address => `You sign in as ${address}.`,
    portal: 'Your access and settings',
    links: 'Good to know',
  },
  licenseKeys: {
    subject: (product, count) => `Your licence ${count === 1 ? 'key' : 'keys'} for ${product}`,
    heading: (product, count) => `Your licence ${count === 1 ? 'key' : 'keys'} for ${product}`,
    lead: (company, product, count) =>
      `${company} gives you ${count === 1 ? 'a licence' : `${count} licences`} of ${product}. ${count === 1 ? 'This is your key' : 'These are your keys, one for each device'}:`,
    button: product => `Open ${product}`,
    hint: 'The key is asked for there.',
    keep: 'Keep this mail. The keys are for you alone: please do not pass them on.',
  },
  failed: {
    subject: organization => `${organization}: an invitation could not be delivered`,
    heading: 'An invitation could not be delivered',
    lead: company =>
      `The mail server does not take the mail for somebody who was invited to ${company}. It is not tried again by itself.`,
    answer: 'The mail server answered:',
    next: 'Check the address. If it is wrong, correct it where it is declared, and a new invitation is sent; if it is right, send it again:',
  },
  gaveUp: {
    subject: organization => `${organization}: an invitation was not accepted`,
    heading: 'An invitation was not accepted',
    lead: (company, attempts) =>
      `Somebody was invited to ${company} ${attempts === 1 ? 'once' : `${attempts} times`} and did not answer. No further mail is sent.`,
    answer: 'The mail server answered to the last mail:',
    next: 'Ask the person, or send the invitation again:',
  },
  held: {
    subject: (organization, people) =>
      `${organization}: a change that takes access from ${people === 1 ? '1 person' : `${people} people`} is held`,
    heading: people => `A change that takes access from ${people === 1 ? '1 person' : `${people} people`} is held`,
    lead: (company, people) =>
      `A change takes something from ${people === 1 ? '1 person' : `${people} people`} at ${company}. Nothing of it has happened: everybody keeps what they have until somebody approves it.`,
    why: {
      Budget: 'It is held because more people would lose something than may within 24 hours.',
      Protected: 'It is held because somebody who is protected would lose something.',
      MinAdmins: 'It is held because too few administrators would be left.',
    },
    producer: 'Changed by',
    byHand: 'an edit by hand',
    people: 'People',
    since: 'Held since',
    list: 'Who would lose what',
    more: people => (people === 1 ? 'and 1 more' : `and ${people} more`),
    membership: 'the membership',
    suspended: 'everything, by suspension',
    roles: roles => `roles: ${roles}`,
    groups: groups => `groups: ${groups}`,
    other: 'permissions',
    wrong:
      'Is it a mistake? Take the change back where it was made. Nobody notices anything, and no more mail is sent about it.',
    right:
      'Is it meant? Then approve it on the command line, which shows first what follows. What people gain by the change has happened already.',
  },
  invitationsHeld: {
    subject: (organization, people) =>
      `${organization}: ${people === 1 ? '1 invitation waits' : `${people} invitations wait`} for an approval`,
    heading: people => `${people === 1 ? '1 invitation waits' : `${people} invitations wait`} for an approval`,
    lead: (company, people) =>
      `${people === 1 ? '1 person is' : `${people} people are`} to be invited to ${company} and ${people === 1 ? 'has' : 'have'} not been mailed. The invitations go, in their turn, when somebody approves them.`,
    why: 'They are held because one inviter asks for more invitations than may be sent or wait within 24 hours.',
    producer: 'Invited by',
    byHand: 'edits by hand',
    people: 'Invitations',
    list: 'Who is not invited yet',
    wrong:
      'Is it a mistake? Take the invitations back where they were made. None of these people has noticed anything, and no more mail is sent about it.',
    right: 'Is it meant? Then approve it on the command line, which shows first what follows.',
  },
  stale: {
    subject: (organization, directory) => `${organization}: the directory ${directory} cannot be read`,
    heading: directory => `The directory ${directory} cannot be read`,
    lead: (company, directory) =>
      `For more than two of its intervals, nothing complete was read from the directory ${directory} of ${company}.`,
    directory: 'Directory',
    since: 'Last complete read',
    never: 'never',
    problem: 'The last read ended with:',
    means:
      'Everything is as it was read last: nobody is removed, but who has come or gone there since is not known here. It is tried again and again, and no more mail is sent about it until it was read.',
    next: 'Does the service answer, and do its credentials still hold? This looks, and reads it again:',
  },
  footer: {
    why: (address, company) => `This mail was sent automatically to ${address}, on behalf of ${company}.`,
    admin: (address, company) =>
      `This mail was sent automatically to ${address}, as an administrator or contact of ${company}.`,
    secret: 'It holds no tracking. Never give the link in it to anybody else.',
    contact: contact => `Questions? ${contact}`,
    privacy: 'Privacy:',
  },
}
