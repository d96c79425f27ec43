/**
 * Orders two resourceVersions of one store: negative when `a` is the older, 0 when equal.
 * Versions are decimals that grow, in the embedded store as in Kubernetes (KEP-5504, comparable resource version); an overlay's go on after a `+` from the version below (`417+3`).
 * @throws Error for anything else, which no store of ours gives
 */
export const compareVersions = (a: string, b: string): number => {
  if (a === b) return 0
  const [left, right] = [a.split('+'), b.split('+')]
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = compareDecimals(left[index] ?? '', right[index] ?? '')
    if (difference !== 0) return difference
  }
  return 0
}

const compareDecimals = (a: string, b: string): number => {
  for (const part of [a, b])
    if (!/^\d*$/.test(part)) throw new Error(`"${part}" is no resourceVersion that can be ordered`)
  const [left, right] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')]
  return left.length - right.length || (left < right ? -1 : left > right ? 1 : 0)
}
