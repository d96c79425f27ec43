/** RFC 3339 in UTC with milliseconds: how every time is written. */
export const timestamp = (milliseconds: number): string => new Date(milliseconds).toISOString()
