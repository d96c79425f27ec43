/** A resource, or a part of one, as JSON. */
export type Json = Readonly<Record<string, unknown>>

export const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A value by its name, which is the same in any case (RFC 7643 section 2.1). */
export const attributeOf = (resource: Json, name: string): unknown => {
  if (Object.hasOwn(resource, name)) return resource[name]
  const lower = name.toLowerCase()
  const key = Object.keys(resource).find(key => key.toLowerCase() === lower)
  return key === undefined ? undefined : resource[key]
}

/** A value that is text and not empty; services that send a number mean its digits. */
export const textOf = (resource: Json, name: string): string | undefined => {
  const value = attributeOf(resource, name)
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value)
  return typeof value === 'string' && value.trim() !== '' ? value : undefined
}

/** A truth value; services that send it as text mean what it says. */
export const flagOf = (resource: Json, name: string): boolean | undefined => {
  const value = attributeOf(resource, name)
  if (typeof value === 'boolean') return value
  if (typeof value !== 'string') return undefined
  return ({ true: true, false: false } as Readonly<Record<string, boolean>>)[value.trim().toLowerCase()]
}

/** A number that counts something; services that send it as text mean its digits. */
export const countOf = (resource: Json, name: string): number | undefined => {
  const value = attributeOf(resource, name)
  const count = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : undefined
}

/** Values of an attribute that has several; services that have only one may send it alone. */
export const valuesOf = (resource: Json, name: string): readonly unknown[] => {
  const value = attributeOf(resource, name)
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : [value]
}
