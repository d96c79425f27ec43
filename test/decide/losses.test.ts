import { describe, expect, it } from 'vitest'
import { type Access, compareAccess } from '../../src/decide/losses.ts'

const access = (roles: string[], groups: string[] = [], permissions: string[] = []): Access => ({
  roles,
  groups,
  permissions,
})
const nothing = { roles: [], groups: [], permissions: [] }

describe('losses', () => {
  it('are none where nothing was settled', () => {
    const derived = access(['editor'], ['platform'], ['documents:*'])
    expect(compareAccess(undefined, derived)).toEqual({
      gains: derived,
      losses: nothing,
      settledAfterGains: derived,
      equal: false,
    })
  })

  it('and gains are none between equal states, but access that is none still has to be settled once', () => {
    const same = access(['editor'], ['platform'], ['documents:*'])
    expect(compareAccess(same, same)).toMatchObject({ equal: true, settledAfterGains: same })
    expect(compareAccess(undefined, nothing).equal).toBe(false)
  })

  it('wait for a permit while the gains beside them are written', () => {
    const comparison = compareAccess(
      access(['editor'], ['platform'], ['documents:*']),
      access(['viewer'], ['readers'], ['documents:read', 'users:read']),
    )
    expect(comparison.losses).toEqual(access(['editor'], ['platform'], ['documents:*']))
    expect(comparison.gains).toEqual(access(['viewer'], ['readers'], ['users:read']))
    expect(comparison.settledAfterGains).toEqual(
      access(['editor', 'viewer'], ['platform', 'readers'], ['documents:*', 'users:read']),
    )
    const again = compareAccess(
      comparison.settledAfterGains,
      access(['viewer'], ['readers'], ['documents:read', 'users:read']),
    )
    expect(again.gains).toEqual(nothing)
    expect(again.settledAfterGains).toEqual(comparison.settledAfterGains)
  })

  it.each([
    ['an emptied allow', ['users:*'], [], ['users:*']],
    ['a new deny', ['users:*'], ['users:*', '!users:delete'], ['users:delete']],
    ['a narrower scope', ['>users:read'], ['users:read'], ['>users:read']],
  ])('of permissions come with the same roles too: %s', (_, before, after, lost) => {
    const comparison = compareAccess(access(['admin'], [], before), access(['admin'], [], after))
    expect(comparison.losses).toEqual(access([], [], lost))
    expect(comparison.settledAfterGains.permissions).toEqual(before)
    expect(comparison.equal).toBe(false)
  })
})
