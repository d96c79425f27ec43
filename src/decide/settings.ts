import type { Organization, OrganizationSpec } from '../api/organization.ts'
import { type GuardSettings, guardOf } from './guard-settings.ts'
import { durationMilliseconds } from './time.ts'

type Portal = NonNullable<OrganizationSpec['portal']>
type Mail = NonNullable<OrganizationSpec['mail']>

/** The settings in force in one organization, after inheritance: nothing optional is left but what may really be missing. */
export interface OrganizationSettings {
  name: string
  uid: string
  displayName: string
  customerId: string | undefined
  /** This organization, its parent, and so on up to the root. */
  chain: readonly string[]
  domains: readonly string[]
  contacts: NonNullable<OrganizationSpec['contacts']>
  timeZone: string
  portal: {
    productName: string
    homeUrl: string | undefined
    links: NonNullable<Portal['links']>
    help: NonNullable<Portal['help']>
    feedback: Portal['feedback']
    privacyUrl: string | undefined
  }
  mail: { from: Mail['from']; replyTo: 'Inviter' | 'Sender'; templates: NonNullable<Mail['templates']>; locale: string }
  invitations: { validFor: number; dailyLimitPerInviter: number; dailyLimit: number; maxAttempts: number }
  onboarding: { welcomeMail: boolean }
  /** Of people that directories tell of. */
  users: { external: 'Include' | 'Exclude'; skip: readonly string[] }
  /** As declared; what is judged by is the settled one. */
  guard: GuardSettings
  /** The organization that is frozen, this one or the nearest above: nothing leaves. */
  frozen: string | undefined
}

/** Why an organization's place is not settled. Nothing new happens in it meanwhile; what people have stays. */
export type PlacementProblem =
  | { reason: 'ReferenceCycle'; message: string }
  | { reason: 'ReferenceNotFound'; message: string }
  | { reason: 'ParentNotConfirmed'; message: string }

/**
 * The chain from an organization up to its root. A parent counts only when it names the child in `children`:
 * otherwise anybody who may write an organization could place it under another one and inherit from it.
 */
export const placement = (
  name: string,
  lookup: (name: string) => Organization | undefined,
): { chain: Organization[]; problem?: PlacementProblem } => {
  const chain: Organization[] = []
  let current = lookup(name)
  while (current) {
    if (chain.some(one => one.metadata.name === current?.metadata.name)) {
      const names = [...chain.map(one => one.metadata.name), current.metadata.name].join(' → ')
      return {
        chain: chain.slice(0, 1),
        problem: { reason: 'ReferenceCycle', message: `parents go round in a circle: ${names}` },
      }
    }
    chain.push(current)
    const parentName: string | undefined = current.spec.parent
    if (parentName === undefined) break
    const parent = lookup(parentName)
    if (!parent)
      return {
        chain,
        problem: {
          reason: 'ReferenceNotFound',
          message: `parent ${parentName} of ${current.metadata.name} does not exist`,
        },
      }
    if (!parent.spec.children?.includes(current.metadata.name))
      return {
        chain,
        problem: {
          reason: 'ParentNotConfirmed',
          message: `${parentName} does not name ${current.metadata.name} in its children`,
        },
      }
    current = parent
  }
  return { chain }
}

/** Settings of the first organization of a chain: nearest wins, per leaf, lists whole; name, number, domains and contacts are never inherited. */
export const settingsOf = (chain: readonly Organization[]): OrganizationSettings => {
  const [self] = chain
  if (!self) throw new RangeError('an empty chain has no settings')
  const nearest = <T>(leaf: (spec: OrganizationSpec) => T | undefined): T | undefined => {
    for (const organization of chain) {
      const value = leaf(organization.spec)
      if (value !== undefined) return value
    }
    return undefined
  }
  const { name, uid } = self.metadata
  return {
    name,
    uid,
    displayName: self.spec.displayName ?? name,
    customerId: self.spec.customerId,
    chain: chain.map(organization => organization.metadata.name),
    domains: self.spec.domains ?? [],
    contacts: self.spec.contacts ?? [],
    timeZone: nearest(spec => spec.timeZone) ?? 'UTC',
    portal: {
      productName: nearest(spec => spec.portal?.productName) ?? self.spec.displayName ?? name,
      homeUrl: nearest(spec => spec.portal?.homeUrl),
      links: nearest(spec => spec.portal?.links) ?? [],
      help: nearest(spec => spec.portal?.help) ?? [],
      feedback: nearest(spec => spec.portal?.feedback),
      privacyUrl: nearest(spec => spec.portal?.privacyUrl),
    },
    mail: {
      from: nearest(spec => spec.mail?.from),
      replyTo: nearest(spec => spec.mail?.replyTo) ?? 'Sender',
      templates: {
        ...leafOf('invitation', nearest),
        ...leafOf('accountCreated', nearest),
        ...leafOf('welcome', nearest),
        ...leafOf('licenseKeys', nearest),
      },
      locale: nearest(spec => spec.mail?.locale) ?? 'en',
    },
    invitations: {
      validFor: linkLife(nearest(spec => spec.invitations?.validFor) ?? '24h'),
      dailyLimitPerInviter: nearest(spec => spec.invitations?.dailyLimitPerInviter) ?? 50,
      dailyLimit: nearest(spec => spec.invitations?.dailyLimit) ?? 500,
      maxAttempts: nearest(spec => spec.invitations?.maxAttempts) ?? 3,
    },
    onboarding: { welcomeMail: nearest(spec => spec.onboarding?.welcomeMail) ?? true },
    users: {
      external: nearest(spec => spec.users?.external) ?? 'Include',
      skip: nearest(spec => spec.users?.skip) ?? [],
    },
    guard: guardOf(chain.map(organization => organization.spec)),
    frozen: frozenAt(chain),
  }
}

/** The nearest organization of a chain that is frozen. One below can only be stricter: `false` there undoes nothing above. */
export const frozenAt = (chain: readonly Organization[]): string | undefined =>
  chain.find(organization => organization.spec.frozen)?.metadata.name

/** What is said wherever something waits for that. */
export const frozenText = (organization: string): string =>
  `organization ${organization} is frozen: no mail leaves until \`roster unfreeze ${organization}\``

/** Milliseconds of a link's life: at least a minute, at most 30 days, whatever is written. */
export const linkLife = (validFor: string): number =>
  Math.min(Math.max(durationMilliseconds(validFor), 60_000), 30 * 24 * 3_600_000)

type Template = keyof NonNullable<Mail['templates']>
const leafOf = (
  template: Template,
  nearest: <T>(leaf: (spec: OrganizationSpec) => T | undefined) => T | undefined,
): Partial<Record<Template, string>> => {
  const text = nearest(spec => spec.mail?.templates?.[template])
  return text === undefined ? {} : { [template]: text }
}
