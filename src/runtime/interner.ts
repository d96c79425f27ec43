/** Slots of the table: what repeats comes often enough to find its slot again. A power of two. */
const SLOTS = 1 << 14
/** Longer strings seldom repeat, and cost more to look up. */
const LONGEST = 80

/**
 * Makes copies of plain data in which equal strings are the same string: parsed resources repeat organizations, roles, times and messages thousands of times.
 * Its memory is bounded: one string a slot, the newest stays.
 */
export function interner(): <T>(value: T) => T {
  const slots: string[] = new Array(SLOTS).fill('')
  const shared = (text: string): string => {
    if (text.length > LONGEST) return text
    let hash = text.length
    for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1)
    if (slots[slot] === text) return slots[slot]
    slots[slot] = text
    return text
  }
  const copy = (value: unknown): unknown => {
    if (typeof value === 'string') return shared(value)
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map(copy)
    const result: Record<string, unknown> = {}
    for (const [key, item] of Object.entries(value)) {
      // A key from outside must not reach the prototype.
      if (key === '__proto__')
        Object.defineProperty(result, key, { value: copy(item), enumerable: true, writable: true, configurable: true })
      else result[key] = copy(item)
    }
    return result
  }
  return value => copy(value) as typeof value
}
