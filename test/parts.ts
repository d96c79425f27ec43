import { describe, expect, it } from 'vitest'
import { partNamed } from '../scripts/parts.mjs'

/**
 * `describe` for tests that run against a real program: `describeWith('chromium', 'the portal', () => { … })`.
 * Where the part is missing they are skipped, with a line that says so; in CI that is a failure.
 *
 * @param name a part of scripts/parts.mjs
 */
export function describeWith(name: string, title: string, tests: () => void): void {
  const part = partNamed(name)
  if (part.present()) {
    describe(title, tests)
  } else if (process.env.CI) {
    describe(title, () => {
      it(`needs ${name}`, () => expect.fail(`${name} is missing, and in CI nothing is skipped: ${part.remedy}`))
    })
  } else {
    console.warn(`skipped: ${title} (${name} is missing: ${part.remedy})`)
    describe.skip(title, tests)
  }
}
