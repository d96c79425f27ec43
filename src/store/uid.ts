/** A random UUID (RFC 9562, version 4) out of the given source of bytes. */
export const randomUid = (random: (bytes: number) => Uint8Array): string => {
  const bytes = Buffer.from(random(16))
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** 128 random bits, base64url. */
export const randomId = (random: (bytes: number) => Uint8Array): string => Buffer.from(random(16)).toString('base64url')
