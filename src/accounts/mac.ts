import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * HMAC-SHA256 over named parts, base64url (43 characters). Each part goes in with its length in bytes, so no two lists of parts are the same text.
 */
export const macOf = (secret: Buffer, parts: readonly string[]): string => {
  const mac = createHmac('sha256', secret)
  for (const part of parts)
    mac
      .update(`${Buffer.byteLength(part)}:`)
      .update(part)
      .update(',')
  return mac.digest('base64url')
}

/** Compares two texts in a time that does not depend on where they differ. */
export const sameText = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
