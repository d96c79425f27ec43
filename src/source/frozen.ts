import type { AnyManifest, DeclaredResource } from '../api/kinds.ts'
import type { ResourceStore } from '../store/store.ts'

/**
 * What a source may apply over an organization that a person has frozen: everything but the end of that. A commit that comes every minute would
 * take back within a minute what somebody did in an emergency, and nobody would see it.
 * @returns the manifest to apply, and whose freezing stays; none where nothing is left out
 */
export const keepingFrozen = async (
  store: Pick<ResourceStore, 'owners'>,
  desired: AnyManifest,
  live: DeclaredResource,
): Promise<{ desired: AnyManifest; by?: string }> => {
  if (desired.kind !== 'Organization' || live.kind !== 'Organization') return { desired }
  if (desired.spec.frozen !== false || live.spec.frozen !== true) return { desired }
  const owners = await store.owners({ kind: live.kind, name: live.metadata.name })
  const by = owners.find(({ field, manager }) => field === 'spec.frozen' && !manager.startsWith('source/'))?.manager
  if (by === undefined) return { desired }
  const { frozen: _, ...spec } = desired.spec
  return { desired: { ...desired, spec }, by }
}
