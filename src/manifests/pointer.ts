/** One step of a JSON pointer (RFC 6901 section 3). */
export const escapePointer = (step: string): string => step.replaceAll('~', '~0').replaceAll('/', '~1')

/** The steps of a JSON pointer, unescaped. */
export const pointerSteps = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map(step => step.replaceAll('~1', '/').replaceAll('~0', '~'))
