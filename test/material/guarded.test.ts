import { describe, expect, it } from 'vitest'
import { replayGuarded } from './guarded.ts'

/** The thousand of a long run: ROSTER_COMMITS=1000. */
const COMMITS = Number(process.env['ROSTER_COMMITS'] ?? 50)

describe('a stream of commits to an organization of real size', () => {
  it(
    'loses exactly what the budgets let go; what is beyond them is held, and goes with an Approval',
    async () => {
      const reasons = new Set<string>()
      let [approved, takenBack] = [0, 0]
      for await (const { what, held, took, differing } of replayGuarded(COMMITS)) {
        expect(differing, what).toEqual([])
        for (const { reason, scope } of held) reasons.add(scope ? `${reason} of the ${scope}` : reason)
        if (what.includes('an Approval') && took) approved++
        if (what.includes('taken back')) takenBack++
      }
      // A stream in which one of these never happens would show nothing of it.
      expect([...reasons].sort()).toEqual([
        'Budget of the organization',
        'Budget of the realm',
        'Budget of the root',
        'Budget of the source',
        'MinAdmins',
        'Protected',
      ])
      expect(approved).toBeGreaterThan(5)
      expect(takenBack).toBeGreaterThan(2)
    },
    COMMITS * 6_000,
  )
})
