/** Something that stops the set-up and that its user can mend: said in one line, which ends with what to do. */
export class Trouble extends Error {
  /**
   * @param {string} message what is wrong, and where
   * @param {string} remedy what to do about it, as a command where there is one
   */
  constructor(message, remedy) {
    super(`${message}: ${remedy}`)
    this.name = 'Trouble'
  }
}

/**
 * Runs the main function of a script and ends the process with the code it returns.
 * A `Trouble` is one line on stderr and exit code 2; anything else that is thrown is a bug and keeps its stack.
 *
 * @param {() => Promise<number>} main
 */
export function runMain(main) {
  main().then(
    code => {
      process.exitCode = code
    },
    error => {
      process.stderr.write(error instanceof Trouble ? `✗ ${error.message}\n` : `${error?.stack ?? error}\n`)
      process.exitCode = 2
    },
  )
}
