import { type GroupResolver, groupResolver } from '../decide/groups.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { importedGroupsOf } from './imports.ts'

/** Who is in which group, over a cache. @param now the Clock's milliseconds */
export const groupsOver = (cache: Cache, now: () => number): GroupResolver =>
  groupResolver({
    get: name => cache.get('Group', name),
    listing: user => cache.by('Group', 'member', user),
    containing: group => cache.by('Group', 'group', group),
    withExpression: organization => cache.by('Group', 'expressions', organization),
    importing: user => importedGroupsOf(cache, user, now()),
    mayGrant: ({ spec: { importFrom } }) =>
      importFrom && (cache.get('Directory', importFrom.directory)?.spec.import?.mayGrant?.roles ?? []),
    isUnread: ({ spec: { importFrom } }) => {
      const directory = importFrom && cache.get('Directory', importFrom.directory)
      return directory?.spec.import !== undefined && !directory.status?.importedGroups?.includes(importFrom?.name ?? '')
    },
  })
