import { de } from './de.ts'
import { en } from './en.ts'

/**
 * Every sentence of the mails in one language. A further language is one more file like `en.ts` and one more line below.
 * What is put in is harmless already; sentences return plain text.
 */
export interface Catalogue {
  /** BCP 47, language only. */
  language: string
  direction: 'ltr' | 'rtl'
  /** For times where the reader's region is not known. */
  region: string
  greeting: (name: string | undefined) => string
  /** `Acme GmbH (customer 10042)`. */
  company: (name: string, customerId: string | undefined) => string
  label: {
    inviter: string
    organization: string
    product: string
    roles: string
    address: string
    validUntil: string
    licenses: string
    resource: string
    declaredAt: string
    attempts: string
    lastTry: string
    invited: string
  }
  noRoles: string
  invitation: {
    subject: (organization: string, product: string) => string
    renewedSubject: (organization: string, product: string) => string
    heading: (product: string) => string
    lead: (who: { inviter: string | undefined; company: string; product: string }) => string
    renewed: string
    quoted: (inviter: string | undefined) => string
    button: string
    decide: string
    ignore: string
    decline: string
  }
  accountCreated: {
    subject: (organization: string, product: string) => string
    renewedSubject: (organization: string, product: string) => string
    heading: (product: string) => string
    lead: (who: { inviter: string | undefined; company: string; product: string }) => string
    renewed: string
    button: string
    once: string
    later: string
    mistake: string
  }
  welcome: {
    subject: (organization: string, product: string) => string
    heading: (product: string) => string
    lead: (company: string, product: string) => string
    roles: string
    restricted: string
    button: (product: string) => string
    hint: (address: string) => string
    portal: string
    links: string
  }
  licenseKeys: {
    subject: (product: string, count: number) => string
    heading: (product: string, count: number) => string
    lead: (company: string, product: string, count: number) => string
    button: (product: string) => string
    hint: string
    keep: string
  }
  failed: {
    subject: (organization: string) => string
    heading: string
    lead: (company: string) => string
    answer: string
    next: string
  }
  gaveUp: {
    subject: (organization: string) => string
    heading: string
    lead: (company: string, attempts: number) => string
    answer: string
    next: string
  }
  held: {
    subject: (organization: string, people: number) => string
    heading: (people: number) => string
    lead: (company: string, people: number) => string
    why: { Budget: string; Protected: string; MinAdmins: string }
    producer: string
    byHand: string
    people: string
    since: string
    list: string
    more: (people: number) => string
    membership: string
    suspended: string
    roles: (roles: string) => string
    groups: (groups: string) => string
    /** Where no role and no group is lost: permissions, or an end that is brought forward. */
    other: string
    wrong: string
    right: string
  }
  invitationsHeld: {
    subject: (organization: string, people: number) => string
    heading: (people: number) => string
    lead: (company: string, people: number) => string
    why: string
    producer: string
    byHand: string
    people: string
    list: string
    wrong: string
    right: string
  }
  stale: {
    subject: (organization: string, directory: string) => string
    heading: (directory: string) => string
    lead: (company: string, directory: string) => string
    directory: string
    since: string
    never: string
    problem: string
    means: string
    next: string
  }
  footer: {
    why: (address: string, company: string) => string
    admin: (address: string, company: string) => string
    secret: string
    contact: (contact: string) => string
    privacy: string
  }
}

const CATALOGUES: readonly Catalogue[] = [en, de]

/** Languages that there are mails in. */
export const MAIL_LANGUAGES: readonly string[] = CATALOGUES.map(({ language }) => language)

/** The first of the wanted languages that there is (`de-AT` is served by `de`), else English; and the tag in which times are written. */
export function catalogueFor(wanted: readonly (string | undefined)[]): { catalogue: Catalogue; locale: string } {
  for (const tag of wanted) {
    const language = tag?.split('-')[0]?.toLowerCase()
    const catalogue = CATALOGUES.find(one => one.language === language)
    if (catalogue && tag) return { catalogue, locale: localeOf(tag, catalogue) }
  }
  return { catalogue: en, locale: en.region }
}

function localeOf(tag: string, { region }: Catalogue): string {
  if (!tag.includes('-')) return region
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? region
  } catch {
    return region
  }
}
