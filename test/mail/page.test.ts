import { describe, expect, it } from 'vitest'
import { composeMail } from '../../src/mail/templates/compose.ts'
import { samples } from './samples.ts'

const { html } = composeMail('invitation', samples.invitation, { languages: ['de'] })

/** WCAG 2.2, relative luminance and contrast ratio. */
function contrast(one: string, other: string): number {
  const luminance = (colour: string) => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map(at => {
      const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (high + 0.05) / (low + 0.05)
}

describe('the page of a mail', () => {
  it.each([
    ['text', '#1b2733', '#ffffff'],
    ['small text', '#4a5866', '#ffffff'],
    ['footer', '#4a5866', '#eef1f4'],
    ['link', '#0b57b7', '#ffffff'],
    ['link in the footer', '#0b57b7', '#eef1f4'],
    ['button', '#ffffff', '#0b57b7'],
    ['text in the dark', '#e8edf2', '#1c242d'],
    ['small text in the dark', '#a9b6c3', '#1c242d'],
    ['footer in the dark', '#a9b6c3', '#11161c'],
    ['link in the dark', '#9cc4ff', '#1c242d'],
    ['link in the footer in the dark', '#9cc4ff', '#11161c'],
    ['button in the dark', '#0c1a2b', '#8ab8ff'],
  ])('is readable: %s', (_, ink, ground) => {
    expect(html).toContain(ink)
    expect(html).toContain(ground)
    expect(contrast(ink, ground)).toBeGreaterThanOrEqual(4.5)
  })

  it('says its language and direction, and that it can be dark', () => {
    expect(html).toContain('<html lang="de" dir="ltr">')
    expect(html).toContain('<meta name="color-scheme" content="light dark">')
  })

  it('asks nothing of the network', () => {
    expect(html).not.toMatch(
      /<(img|link|script|iframe|object|embed|video|audio|base)\b|\s(src|srcset|background)=|@import|url\(/i,
    )
  })

  it('shows of each link where it leads', () => {
    const links = [...html.matchAll(/<a [^>]*?href="([^"]*)"[^>]*>([^<]*)<\/a>/g)].map(([, href, shown]) => ({
      href,
      shown,
    }))
    expect(links).toHaveLength(3)
    for (const { href, shown } of links) if (shown !== 'Einladung öffnen') expect(shown).toBe(href)
  })

  it('has tables for layout only', () => {
    expect(html.match(/<table\b(?! role="presentation")/g)).toBeNull()
  })

  it('does not hold the token in what an inbox shows', () => {
    const token = samples.invitation.link.split('/').at(-1) ?? ''
    expect(html.slice(0, html.indexOf('<h1'))).not.toContain(token)
    expect(composeMail('invitation', samples.invitation, { languages: ['de'] }).subject).not.toContain(token)
  })
})
