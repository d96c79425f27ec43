/**
 * Prints the steps of a set-up, one line each: `  ✓ libraries      25 s`. On a terminal the line of a running step counts
 * its seconds; elsewhere a step is printed when it is done.
 *
 * @param {{quiet: boolean, out: NodeJS.WriteStream}} options a quiet one prints nothing at all
 */
export function createProgress({ quiet, out }) {
  const say = (/** @type {string} */ line) => {
    if (!quiet) out.write(`${line}\n`)
  }
  const live = !quiet && out.isTTY && !process.env.CI
  return {
    say,
    /**
     * Does `work` and prints its line with the time it took. Whatever it throws goes on, after the line was cleared.
     *
     * @template T
     * @param {string} name
     * @param {() => Promise<T>} work
     * @returns {Promise<T>}
     */
    async step(name, work) {
      const start = Date.now()
      const line = (/** @type {string} */ mark) =>
        `  ${mark} ${name.padEnd(52)} ${Math.max(1, Math.round((Date.now() - start) / 1000))} s`
      const draw = () => out.write(`\r${line('…')}`)
      const ticking = live ? setInterval(draw, 1000) : undefined
      if (live) draw()
      try {
        const result = await work()
        if (live) out.write('\r\x1b[K')
        say(line('✓'))
        return result
      } catch (error) {
        if (live) out.write('\r\x1b[K')
        throw error
      } finally {
        clearInterval(ticking)
      }
    },
  }
}
