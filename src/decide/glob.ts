/** `*` is any run of characters. Linear: each piece is looked for once, from the left. */
export const matchesGlob = (pattern: string, text: string): boolean => {
  const [first = '', ...pieces] = pattern.split('*')
  const last = pieces.pop()
  if (last === undefined) return first === text
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const piece of pieces) {
    const found = text.indexOf(piece, at)
    if (found === -1) return false
    at = found + piece.length
  }
  return text.length - last.length >= at && text.endsWith(last)
}

/** Paths with `/`: `*` is any run of characters within one folder or file name, `**` as a whole part any number of folders, none included. */
export const matchesPath = (pattern: string, path: string): boolean => {
  const parts = pattern.split('/')
  const names = path.split('/')
  let part = 0
  let name = 0
  // Where the last `**` stands, and how much it has taken: going back to it is enough, as what stood before has been matched with the least.
  let star = -1
  let taken = 0
  while (name < names.length) {
    const wanted = parts[part]
    if (wanted === '**') {
      star = part++
      taken = name
    } else if (wanted !== undefined && matchesGlob(wanted, names[name] ?? '')) {
      part++
      name++
    } else if (star >= 0) {
      part = star + 1
      name = ++taken
    } else return false
  }
  while (parts[part] === '**') part++
  return part === parts.length
}
