import type { MiddlewareHandler } from 'hono'

const POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  'img-src data:',
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Pages whose address carries a token: nothing of it may travel further. */
export const TOKEN_PATHS = ['/invitations/:token', '/sign-in-links/:token'] as const

/**
 * Headers of every answer (OWASP ASVS 5.0 section 3.4). No script, no frame, no other host; nothing is kept by caches but the style sheet.
 * A page that needs something else sets it itself, before this looks.
 */
export const strictHeaders = (publicUrl: string): MiddlewareHandler => {
  const encrypted = publicUrl.startsWith('https:')
  return async (c, next) => {
    await next()
    const { headers } = c.res
    const fallback = (name: string, value: string): void => {
      if (!headers.has(name)) headers.set(name, value)
    }
    fallback('content-security-policy', POLICY)
    fallback('cache-control', 'no-store')
    // `same-origin`, since a form on a `no-referrer` page is sent with `Origin: null`.
    fallback('referrer-policy', 'same-origin')
    headers.set('x-content-type-options', 'nosniff')
    headers.set('cross-origin-opener-policy', 'same-origin')
    headers.set('cross-origin-resource-policy', 'same-origin')
    headers.set('permissions-policy', 'camera=(), geolocation=(), microphone=(), payment=(), usb=()')
    if (encrypted) headers.set('strict-transport-security', 'max-age=31536000')
  }
}
