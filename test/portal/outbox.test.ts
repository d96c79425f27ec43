import { describe, expect, it } from 'vitest'
import { isFor, linkOf, type Outbox } from '../../src/portal/outbox.ts'
import { openSite } from './site.ts'

const mail = {
  file: 'alice-acme.example-0123456789abcdef.eml',
  to: 'Alice Smith <alice@acme.example>',
  subject: 'Acme <b>invites</b> you',
  date: '2026-01-05T09:00:00.000Z',
  text: 'Hi Alice,\n\nhttp://127.0.0.1:8080/invitations/v1.1.x\n',
  html: '<!doctype html><html><head><title>x</title></head><body><p style="color:red">Hi</p><script>alert(1)</script></body></html>',
}
const outbox: Outbox = {
  list: async () => [{ ...mail, file: 'newer.eml', to: 'bob@acme.example', subject: 'For Bob' }, mail],
  read: async file => [mail].find(one => one.file === file),
}

describe('the outbox', () => {
  it('lists mails, shows the newest of one person, and leads on to its link', async () => {
    await using site = await openSite({ outbox })
    const visitor = site.visitor()
    const list = await visitor.get('/mail')
    expect(list.status).toBe(200)
    expect(list.body).toContain('Acme &lt;b&gt;invites&lt;/b&gt; you')
    for (const path of ['/mail/alice', '/mail/alice@acme.example', `/mail/files/${mail.file}`]) {
      const seen = await visitor.get(path)
      expect(seen.status).toBe(200)
      expect(seen.body).toContain('href="http://127.0.0.1:8080/invitations/v1.1.x"')
      expect(seen.body).not.toContain('<script')
    }
    expect((await visitor.get('/mail/carol')).status).toBe(404)
    expect((await visitor.get('/mail/files/..%2Fsecret')).status).toBe(404)
  })

  it('shows how a mail looks in a frame that may do nothing', async () => {
    await using site = await openSite({ outbox })
    const look = await site.visitor().get(`/mail/files/${mail.file}/look`)
    const policy = look.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain('sandbox')
    expect(policy).not.toContain('allow-scripts')
    expect(policy).not.toContain('allow-same-origin')
  })

  it.each([
    ['from another computer', { client: '192.0.2.7' }, {}],
    ['under a foreign name (DNS rebinding)', {}, { host: 'evil.example:8080' }],
    ['through a proxy', {}, { 'x-forwarded-for': '192.0.2.7' }],
    ['through a proxy of today (RFC 7239)', {}, { forwarded: 'for=192.0.2.7' }],
    ['through a proxy that names only itself', {}, { via: '1.1 edge' }],
    ['through a proxy that names only the client', {}, { 'x-real-ip': '192.0.2.7' }],
    ['through a proxy that names only the host', {}, { 'x-forwarded-host': 'people.acme.example' }],
    ['through a proxy that names only the scheme', {}, { 'x-forwarded-proto': 'https' }],
  ])('is not there when asked %s', async (_, visit, headers) => {
    await using site = await openSite({ outbox })
    for (const path of ['/mail', '/mail/alice', `/mail/files/${mail.file}`, `/mail/files/${mail.file}/look`])
      expect((await site.visitor(visit).get(path, headers)).status).toBe(404)
  })

  it('is not there on a public URL, nor with a mail server', async () => {
    await using open = await openSite({ outbox, publicUrl: 'https://access.acme.example' })
    expect((await open.visitor().get('/mail')).status).toBe(404)
    await using sending = await openSite()
    expect((await sending.visitor().get('/mail')).status).toBe(404)
  })
})

describe('a mail', () => {
  it.each([
    ['alice@acme.example', 'alice', true],
    ['Alice Smith <Alice@acme.example>', 'alice', true],
    ['"a <b>" <alice@acme.example>', 'ALICE@acme.example', true],
    ['alice@acme.example', 'ali', false],
    ['malice@acme.example', 'alice', false],
  ])('to %s is for %s: %s', (to, recipient, expected) => {
    expect(isFor({ to }, recipient)).toBe(expected)
  })

  it('leads where it leads only within the portal', () => {
    expect(
      linkOf('see https://evil.example/ and http://127.0.0.1:8080/invitations/x now', 'http://127.0.0.1:8080'),
    ).toBe('http://127.0.0.1:8080/invitations/x')
    expect(linkOf('http://127.0.0.1:80801/invitations/x', 'http://127.0.0.1:8080')).toBeUndefined()
  })
})
