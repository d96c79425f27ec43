/** `Mon 23 Nov 2026, 11:34 CET`: how a time is told to people. @param time RFC 3339 or milliseconds */
export const when = (time: string | number, timeZone = 'UTC'): string => {
  const parts = new Intl.DateTimeFormat('en-GB', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
    timeZone,
  }).formatToParts(new Date(time))
  const part = (type: string): string => parts.find(one => one.type === type)?.value ?? ''
  return `${part('weekday')} ${part('day')} ${part('month')} ${part('year')}, ${part('hour')}:${part('minute')} ${part('timeZoneName')}`
}
