import { createHash } from 'node:crypto'

/** A random token: 32 bytes, base64url. It is shown once; what is kept is {@link hashToken}. */
export const newToken = (random: (size: number) => Buffer): string => random(32).toString('base64url')

/** SHA-256 of a random token, base64url: enough for 256 random bits (OWASP ASVS 5.0, 6.5.2). */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('base64url')

/** Whether a text can be one of our tokens at all. */
export const isToken = (text: string | undefined): text is string =>
  text !== undefined && /^[A-Za-z0-9_-]{43}$/.test(text)
