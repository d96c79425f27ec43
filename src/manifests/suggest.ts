/**
 * The candidate that was probably meant: another letter case, or at most one typing error in short words and two in longer ones
 * (a letter missing, added, wrong, or two exchanged). Undefined when nothing is near.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > 100) return undefined
  const lower = word.toLowerCase()
  let best: string | undefined
  let least = 3
  for (const candidate of candidates) {
    const most = Math.min(least, Math.max(word.length, candidate.length) < 6 ? 1 : 2)
    const distance = editDistance(lower, candidate.toLowerCase(), most)
    if (distance > most) continue
    if (distance < least || (distance === least && best !== undefined && candidate < best)) {
      best = candidate
      least = distance
    }
    if (least === 0) break
  }
  return best
}

/** `; did you mean "editor"?`, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const found = nearest(word, candidates)
  return found === undefined ? '' : `; did you mean ${JSON.stringify(found)}?`
}

/** Edits between two texts, exchanged neighbours as one (optimal string alignment); anything above `most` is `most + 1`. */
export function editDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    let least = i
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let value = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        value = Math.min(value, (before[j - 2] ?? 0) + 1)
      row.push(value)
      least = Math.min(least, value)
    }
    if (least > most) return most + 1
    before = previous
    previous = row
  }
  return Math.min(previous[b.length] ?? most + 1, most + 1)
}
