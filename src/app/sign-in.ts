import { createSignInLink } from '../portal/sign-in-link.ts'
import type { Realm } from './realm.ts'
import { portalUrl } from './settings.ts'

/** A link that signs one person in once, within ten minutes. Leads to the portal that the store is bound to. @throws SignInLinkError */
export const signInLink = async (
  realm: Realm,
  person: string,
): Promise<{ url: string; expirationTime: string; address: string; served: boolean }> => {
  const { store, clock, audit, settings, actor } = realm
  const { binding } = await store.info()
  const publicUrl = binding?.publicUrl ?? portalUrl(settings)
  await using credentials = await realm.credentials()
  const link = await createSignInLink({ store, credentials, clock, audit, publicUrl }, { person, actor })
  return { ...link, served: (await store.lease.read())?.held === true }
}
