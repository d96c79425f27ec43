import type { Membership } from '../api/membership.ts'
import { placement, settingsOf } from '../decide/settings.ts'
import type { ResourceStore } from '../store/store.ts'

/** Where one organization stands, in a few numbers: what a start and `get organizations` say first. */
export interface Overview {
  organization: string
  displayName: string
  customerId?: string
  timeZone: string
  joined: number
  invited: number
  /** RFC 3339: when the first of the open links ends. */
  firstExpiry?: string
  waitingInvitations: number
  failedInvitations: number
  /** Joined or invited people without any role, by name. */
  withoutRole: string[]
  pools: { name: string; seats: number; taken: number; reserved: number; waiting: string[] }[]
}

/** Reads the whole store once. */
export const overviewOf = async (store: ResourceStore): Promise<Overview[]> => {
  const [organizations, memberships, users, invitations, pools, ledgers] = await Promise.all([
    store.list('Organization'),
    store.list('Membership'),
    store.list('User'),
    store.list('Invitation'),
    store.list('LicensePool'),
    store.list('SeatLedger'),
  ])
  const byName = new Map(organizations.items.map(item => [item.metadata.name, item]))
  const holders = new Map(users.items.map(({ metadata }) => [`user/${metadata.uid}`, metadata.name]))
  return organizations.items.map(organization => {
    const { name } = organization.metadata
    const settings = settingsOf(placement(name, one => byName.get(one)).chain)
    const own = memberships.items.filter(({ spec }) => spec.organization === name)
    const states = invitations.items.filter(({ spec }) => spec.organization === name).map(({ status }) => status?.state)
    const expiries = own
      .flatMap(({ spec }) => (isIn(spec) ? [] : spec.attempts.slice(-1).map(({ expirationTime }) => expirationTime)))
      .sort()
    const roleless = users.items.filter(({ status }) =>
      status?.memberships?.some(
        one =>
          one.organization === name &&
          (one.state === 'Restricted' || one.state === 'Invited') &&
          (one.roles ?? []).length === 0,
      ),
    )
    return {
      organization: name,
      displayName: settings.displayName,
      ...(settings.customerId === undefined ? {} : { customerId: settings.customerId }),
      timeZone: settings.timeZone,
      joined: own.filter(({ spec }) => isIn(spec)).length,
      invited: states.filter(state => state === 'Pending').length,
      ...(expiries[0] === undefined ? {} : { firstExpiry: expiries[0] }),
      waitingInvitations: states.filter(state => state === 'Queued').length,
      failedInvitations: states.filter(state => state === 'Failed' || state === 'GaveUp').length,
      withoutRole: roleless
        .filter(({ status }) =>
          status?.memberships?.some(one => one.organization === name && one.state === 'Restricted'),
        )
        .map(({ metadata }) => metadata.name),
      pools: pools.items
        .filter(({ spec }) => spec.organization === name)
        .map(pool => {
          const pages = ledgers.items.filter(({ spec }) => spec.pool === pool.metadata.name)
          const slots = pages.flatMap(({ spec }) => spec.slots)
          return {
            name: pool.metadata.name,
            seats: pool.spec.seats,
            taken: slots.length,
            reserved: slots.filter(({ state }) => state === 'Reserved').length,
            waiting: pages
              .flatMap(({ spec }) => spec.waiting ?? [])
              .map(({ holder }) => holders.get(holder) ?? holder.slice(holder.indexOf('/') + 1)),
          }
        }),
    }
  })
}

const isIn = (spec: Membership['spec']): boolean =>
  spec.joined !== undefined && spec.ended === undefined && (spec.left === undefined || spec.left.released !== undefined)
