import type { Hono } from 'hono'
import type { LicensePool } from '../api/licensepool.ts'
import type { Desk } from './desk.ts'
import { type HomePlace, homePage } from './home-page.ts'
import type { Person } from './people.ts'

/** The page of who is signed in. Whoever is not goes to sign in. */
export const homeRoutes = (app: Hono, desk: Desk): void => {
  app.get('/', async c => c.redirect((await desk.visit(c)).person ? '/me' : '/sign-in', 303))

  app.get('/me', async c => {
    const visit = await desk.visit(c)
    if (!visit.person) return c.redirect('/sign-in', 303)
    const places = placesOf(desk, visit.person)
    const joined = places.find(({ organization }) => organization.name === c.req.query('joined'))?.organization
      .displayName
    const page = homePage({ t: visit.t, places, joined, addresses: visit.person.addresses })
    const [only] = places
    return desk.show(c, visit, {
      ...page,
      path: '/me',
      brand: places.length === 1 ? only?.organization.portal.productName : undefined,
    })
  })
}

const ORDER = ['Active', 'Settling', 'Restricted'] as const
type Shown = (typeof ORDER)[number]

/** Organizations that the person is in, those with most access first. */
const placesOf = ({ lookups, settings }: Desk, { places, users }: Person): HomePlace[] =>
  places
    .flatMap(({ membership, standing }): HomePlace[] => {
      const organization = settings(membership.spec.organization)
      if (!organization || !isShown(standing)) return []
      const roles = (membership.spec.settled?.roles ?? []).flatMap(role => lookups.get('Role', role) ?? [])
      const licenses = users
        .flatMap(user => user.status?.licenses ?? [])
        .flatMap(({ pool: name, quantity, state }) => {
          const pool: LicensePool | undefined = lookups.get('LicensePool', name)
          return pool?.spec.organization === organization.name && quantity > 0
            ? [{ product: pool.spec.product, quantity, state }]
            : []
        })
      return [{ organization, standing, roles, licenses }]
    })
    .sort(
      (a, b) =>
        ORDER.indexOf(a.standing as Shown) - ORDER.indexOf(b.standing as Shown) ||
        (a.organization.displayName < b.organization.displayName ? -1 : 1),
    )

const isShown = (standing: string): standing is Shown => (ORDER as readonly string[]).includes(standing)
