/** How many there are of something, for people: `1 seat`, `2 seats`. */
export const counted = (number: number, one: string, many = `${one}s`): string =>
  `${number} ${number === 1 ? one : many}`

/** `1 person`, `2 people`. */
export const people = (number: number): string => counted(number, 'person', 'people')

/** The first five by name, and how many more there are: `a, b, c, d, e and 3 more`. */
export const listed = (names: readonly string[]): string =>
  names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`
