import type { LostKey } from '../accounts/keycheck.ts'
import type { KeyPurpose } from '../accounts/keyring.ts'
import { lastAttempt } from '../decide/membership.ts'
import { StoreUnusableError } from '../store/errors.ts'
import type { Realm } from './realm.ts'

/** What dies with keys of one purpose, for people, and what to do about it. */
interface Death {
  what: string
  /** How many there are, where that can be counted. */
  count?: number
  remedy?: string
}

/** What going on without lost keys means. */
export interface KeyLoss {
  lost: readonly LostKey[]
  dies: Death[]
}

/** Counts what depends on keys that are gone. Changes nothing. */
export const planKeyLoss = async (realm: Pick<Realm, 'store' | 'clock' | 'lostKeys'>): Promise<KeyLoss> => {
  const lost = await realm.lostKeys()
  const dies: Death[] = []
  for (const purpose of new Set(lost.map(key => key.purpose))) dies.push(await DEATHS[purpose](realm))
  return { lost, dies }
}

const DEATHS: Readonly<Record<KeyPurpose, (realm: Pick<Realm, 'store' | 'clock'>) => Promise<Death>>> = {
  link: async realm => ({
    what: 'links in mails that are open',
    count: await openLinks(realm),
    remedy: '`roster resend ADDRESS` sends a new one',
  }),
  form: async () => ({ what: 'pages that are open in a browser', remedy: 'they are opened again' }),
  fingerprint: async realm => ({
    what: 'the memory of which licence keys were given',
    count: await givenKeys(realm),
    remedy: 'a pool that gave keys gives no more: begin a new pool with new keys',
  }),
  credentials: async ({ store }) => ({
    what: 'passwords and sessions',
    count: (await store.list('Account')).items.length,
    remedy: '`roster sign-in-link PERSON` lets somebody in to choose a new password',
  }),
}

/**
 * Goes on without them: the keys that are there are those of the realm from now on, and new ones are made where there are none. In the audit trail before and after.
 * @throws StoreUnusableError a controller runs here
 */
export const acceptKeyLoss = async (realm: Realm, { lost }: KeyLoss): Promise<void> => {
  await refuseLed(realm)
  const entry = {
    actor: realm.actor,
    action: 'keys.accept',
    target: 'realm',
    key: lost.map(({ name }) => name).join(','),
    because: `gone: ${lost.map(({ name }) => name).join(', ')}`,
  }
  await realm.audit.append({ phase: 'intent', ...entry })
  await realm.acceptKeys()
  await realm.audit.append({ phase: 'result', ...entry })
}

/** What runs still has the old keys, and would go on with them. @throws StoreUnusableError */
const refuseLed = async ({ store }: Pick<Realm, 'store'>): Promise<void> => {
  const lease = await store.lease.read()
  if (lease?.held)
    throw new StoreUnusableError(
      `a controller runs here (${lease.holder})`,
      'stop it first (in Kubernetes: scale the Deployment to 0); while it runs it still has the keys with which it was started',
    )
}

const openLinks = async ({ store, clock }: Pick<Realm, 'store' | 'clock'>): Promise<number> => {
  const now = clock.now()
  return (await store.list('Membership')).items.filter(({ spec }) => {
    const last = lastAttempt(spec)
    return !spec.joined && last?.withdrawnTime === undefined && Date.parse(last?.expirationTime ?? '') > now
  }).length
}

const givenKeys = async ({ store }: Pick<Realm, 'store'>): Promise<number> =>
  (await store.list('SeatLedger')).items.reduce((sum, { spec }) => sum + spec.keys.length, 0)
