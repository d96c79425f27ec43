/** How many there are of something, for people: `1 seat`, `2 seats`. */
export const counted = (number: number, one: string, many = `${one}s`): string =>
  `${number} ${number === 1 ? one : many}`

/** `1 person`, `2 people`. */
export const people = (number: number): string => counted(number, 'person', 'people')
