import type { Hono } from 'hono'
import { type HeldSeats, seatsOf } from '../decide/held-seats.ts'
import type { OrganizationSettings } from '../decide/settings.ts'
import type { Desk } from './desk.ts'
import { type HomeLicense, type HomePlace, homePage } from './home-page.ts'
import type { Person } from './people.ts'

/** The page of who is signed in. Whoever is not goes to sign in. */
export const homeRoutes = (app: Hono, desk: Desk): void => {
  app.get('/', async c => c.redirect((await desk.visit(c)).person ? '/me' : '/sign-in', 303))

  app.get('/me', async c => {
    const visit = await desk.visit(c)
    if (!visit.person) return c.redirect('/sign-in', 303)
    const places = placesOf(desk, visit.person)
    const named = places.find(({ organization }) => organization.name === c.req.query('joined'))
    const page = homePage({
      t: visit.t,
      places,
      joined: named?.organization.displayName,
      addresses: visit.person.addresses,
    })
    const brand = places.length === 1 ? places[0]?.organization.portal.productName : undefined
    return desk.show(c, visit, { ...page, path: '/me', brand })
  })
}

const ORDER = ['Active', 'Settling', 'Restricted'] as const
type Shown = (typeof ORDER)[number]

/** Organizations that the person is in, those with most access first. */
const placesOf = (desk: Desk, person: Person): HomePlace[] => {
  const seats = heldSeats(desk, person)
  return person.places
    .flatMap(({ membership, standing }): HomePlace[] => {
      const organization = desk.settings(membership.spec.organization)
      if (!organization || !isShown(standing)) return []
      const roles = (membership.spec.settled?.roles ?? []).flatMap(role => desk.lookups.get('Role', role) ?? [])
      return [{ organization, standing, roles, licenses: licensesIn(desk, organization, seats) }]
    })
    .sort(
      (a, b) =>
        ORDER.indexOf(a.standing as Shown) - ORDER.indexOf(b.standing as Shown) ||
        (a.organization.displayName < b.organization.displayName ? -1 : 1),
    )
}

/** Seats of the person, from the ledgers themselves: under their addresses, and under the Users that stand in their memberships. */
const heldSeats = ({ lookups }: Desk, { places, addresses }: Person): HeldSeats[] => {
  const keys = [
    ...new Set(places.flatMap(({ membership: { spec } }) => (spec.user ? [`user/${spec.user.uid}`] : []))),
    ...addresses.map(address => `address/${address}`),
  ]
  return seatsOf(
    keys.flatMap(key => lookups.by('SeatLedger', 'holder', key)).map(({ spec }) => spec),
    keys,
  )
}

/** Of pools of the organization, or of one above it that shares with it. */
const licensesIn = ({ lookups }: Desk, { chain }: OrganizationSettings, seats: readonly HeldSeats[]): HomeLicense[] =>
  seats.flatMap(({ pool: name, quantity, state }) => {
    const pool = lookups.get('LicensePool', name)
    return pool && chain.includes(pool.spec.organization) ? [{ product: pool.spec.product, quantity, state }] : []
  })

const isShown = (standing: string): standing is Shown => (ORDER as readonly string[]).includes(standing)
