/** Slots of the table: what repeats comes often enough to find its slot again. A power of two. */
const SLOTS = 1 << 14
/** Longer strings seldom repeat, and cost more to look up. */
const LONGEST = 80

/**
 * Makes equal strings of plain data the same string: parsed resources repeat organizations, roles, times and messages thousands of times.
 * In place, which nobody can tell by looking; copies would take more room than the strings save, since a parser lays objects out more tightly. What is frozen stays as it is.
 * Its memory is bounded: one string a slot, the newest stays.
 */
export function interner(): (value: unknown) => void {
  const slots: string[] = new Array(SLOTS).fill('')
  const shared = (text: string): string => {
    let hash = text.length
    for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1)
    const known = slots[slot]
    if (known === text) return known
    slots[slot] = text
    return text
  }
  const share = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
    const holder = value as Record<string, unknown>
    for (const key of Object.keys(holder)) {
      const item = holder[key]
      if (typeof item !== 'string') share(item)
      // Setting __proto__ would not set a property.
      else if (item.length <= LONGEST && key !== '__proto__') holder[key] = shared(item)
    }
  }
  return share
}
