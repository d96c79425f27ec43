import { writeFileSync } from 'node:fs'

/** A reporter for vitest that writes how many tests passed, failed and were skipped to the file `ROSTER_TALLY`. */
export default class Tally {
  /**
   * What broke outside a test (a file that does not load, a hook, an unhandled rejection) counts as a failure of its own.
   *
   * @param {ReadonlyArray<import('vitest/node').TestModule>} modules
   * @param {ReadonlyArray<unknown>} unhandled
   */
  onTestRunEnd(modules, unhandled) {
    const tally = { passed: 0, failed: unhandled.length, skipped: 0 }
    for (const module of modules) {
      if (module.errors().length > 0) tally.failed++
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) tally.failed++
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        tally[state === 'pending' ? 'skipped' : state]++
      }
    }
    if (process.env.ROSTER_TALLY) writeFileSync(process.env.ROSTER_TALLY, JSON.stringify(tally))
  }
}
