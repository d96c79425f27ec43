/** Version of this program. The package's version, checked by a test. */
export const ROSTER_VERSION = '0.1.0'
