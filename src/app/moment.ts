import { SettingsError } from './settings.ts'

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 }

/**
 * A point in the past as a command line says it: `90m`, `24h`, `7d` before now, a date, or a time (RFC 3339).
 * @returns RFC 3339 in UTC @throws SettingsError
 */
export const momentOf = (text: string, now: number): string => {
  const back = /^(\d{1,6})([smhdw])$/.exec(text)
  if (back) return new Date(now - Number(back[1]) * (UNITS[back[2] ?? ''] ?? 0)).toISOString()
  const time = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?$/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(time))
    throw new SettingsError(
      `${JSON.stringify(text)} is no time; write 90m, 24h or 7d (before now), a date such as 2026-11-01, or a time such as 2026-11-01T09:00:00Z`,
    )
  return new Date(time).toISOString()
}

/** How long to wait: `30s`, `5m`, `2h`. @returns milliseconds @throws SettingsError */
export const spanOf = (text: string): number => {
  const match = /^(\d{1,6})([smh])$/.exec(text)
  if (!match) throw new SettingsError(`${JSON.stringify(text)} is no duration; write 30s, 5m or 2h`)
  return Number(match[1]) * (UNITS[match[2] ?? ''] ?? 0)
}
