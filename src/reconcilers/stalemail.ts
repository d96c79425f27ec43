import { findCondition } from '../api/conditions.ts'
import type { Directory } from '../api/directory.ts'
import { ANNOTATIONS } from '../api/names.ts'
import { refText } from '../api/resource.ts'
import { milliseconds } from '../decide/time.ts'
import type { StaleDirectory } from '../ports/composer.ts'
import { mailAdmins } from './adminmail.ts'
import { refOf, type World } from './context.ts'
import { NEWS } from './notices.ts'

/** Tells the admins of its organization that nothing complete was read from a directory for long, once until it is. @returns when to look again */
export const tellOfStale = async (world: World, directory: Directory): Promise<number | undefined> => {
  const { metadata, spec, status } = directory
  const stale = findCondition(status?.conditions, 'Stale')
  if (!stale) return undefined
  const resource = refText(refOf(directory))
  return mailAdmins(world, {
    organization: spec.organization,
    sort: 'stale',
    // Each complete read ends what was told before.
    about: `${metadata.uid}/${status?.lastCompleteTime ?? 'never'}`,
    isNews: world.clock.now() < milliseconds(stale.lastTransitionTime) + NEWS,
    because: resource,
    template: 'directoryStale',
    compose: basics => world.composer.directoryStale({ ...basics, directory: factsOf(directory, resource) }),
  })
}

const factsOf = ({ metadata, spec, status }: Directory, resource: string): StaleDirectory => {
  const synced = findCondition(status?.conditions, 'Synced')
  const declaredAt = metadata.annotations?.[ANNOTATIONS.sourcePath]
  return {
    name: metadata.name,
    type: spec.type,
    ...(status?.lastCompleteTime !== undefined && { since: status.lastCompleteTime }),
    ...(synced?.status === 'False' && { problem: synced.message }),
    resource,
    ...(declaredAt !== undefined && { declaredAt }),
  }
}
