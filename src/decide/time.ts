/** Milliseconds of `24h`, `90m`, `1h30m`. The text was checked by the schema. */
export const durationMilliseconds = (text: string): number => {
  const match = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text)
  if (!match) throw new RangeError(`${JSON.stringify(text)} is not a duration`)
  const [, hours = '0', minutes = '0', seconds = '0'] = match
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
}

/** `86_400_000` → `24h`. */
export const durationText = (milliseconds: number): string => {
  const seconds = Math.round(milliseconds / 1000)
  const parts = [`${Math.floor(seconds / 3600)}h`, `${Math.floor(seconds / 60) % 60}m`, `${seconds % 60}s`].filter(
    part => !part.startsWith('0'),
  )
  return parts.join('') || '0s'
}

/** Milliseconds of an RFC 3339 time. */
export const milliseconds = (time: string): number => Date.parse(time)

/** When `from` begins: a plain date is the start of that day in the time zone. */
export const startOf = (date: string, timeZone: string): number =>
  isPlainDate(date) ? Temporal.PlainDate.from(date).toZonedDateTime({ timeZone }).epochMilliseconds : Date.parse(date)

/** When `until` ends, exclusively: a plain date lasts to the end of that day in the time zone, whatever its length. */
export const endOf = (date: string, timeZone: string): number =>
  isPlainDate(date)
    ? Temporal.PlainDate.from(date).add({ days: 1 }).toZonedDateTime({ timeZone }).epochMilliseconds
    : Date.parse(date)

/** Whether the runtime knows the IANA time zone. */
export const isTimeZone = (timeZone: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
    return true
  } catch {
    return false
  }
}

/** Whether a text that has the shape of a date is one: not 2026-02-30. */
export const isDate = (date: string): boolean => {
  try {
    Temporal.PlainDate.from(date.slice(0, 10), { overflow: 'reject' })
    return !Number.isNaN(Date.parse(date))
  } catch {
    return false
  }
}

const isPlainDate = (date: string): boolean => date.length === 10
