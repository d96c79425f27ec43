import type { Context, Hono } from 'hono'
import { html } from 'hono/html'
import { HTTPException } from 'hono/http-exception'
import { isLoopback } from '../api/loopback.ts'
import type { Desk } from './desk.ts'
import { shortTimeText } from './language.ts'
import { isFor, linkOf, type Outbox } from './outbox.ts'

/** What a mail may do that is shown as it looks: nothing but look, and lead on when it is clicked. */
const MAIL_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-top-navigation-by-user-activation allow-popups"
const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/**
 * The mails that no server took. They hold links that let people in, so the pages are there only without a mail server, on a public URL of this computer,
 * for a browser on this computer, under a name of this computer: a page elsewhere that points its own name here (DNS rebinding) gets nothing.
 */
export const outboxRoutes = (app: Hono, desk: Desk): void => {
  const { outbox, publicUrl } = desk
  if (!outbox || !isLoopback(new URL(publicUrl).hostname)) return

  app.get('/mail', async c => {
    onlyHere(c)
    const visit = await desk.visit(c)
    const { t, language } = visit
    const mails = await outbox.list()
    const body = html`<section class="sheet"><h1>${t.outbox.title}</h1><p class="lead">${t.outbox.lead}</p>
${
  mails.length === 0
    ? html`<p>${t.outbox.empty}</p>`
    : html`<table><thead><tr><th scope="col">${t.outbox.to}</th><th scope="col">${t.outbox.subject}</th><th scope="col">${t.outbox.date}</th></tr></thead>
<tbody>${mails.map(({ file, to, subject, date }) => html`<tr><td>${to}</td><td><a href="/mail/files/${encodeURIComponent(file)}">${subject}</a></td><td>${shortTimeText(date, language)}</td></tr>`)}</tbody></table>`
}</section>`
    return desk.show(c, visit, { title: t.outbox.title, body, width: 'wide', path: '/mail' })
  })

  app.get('/mail/:recipient', async c => {
    onlyHere(c)
    const recipient = c.req.param('recipient')
    const newest = (await outbox.list()).find(entry => isFor(entry, recipient))
    return newest ? showMail(desk, outbox, c, newest.file) : c.notFound()
  })

  app.get('/mail/files/:file', c => {
    onlyHere(c)
    return showMail(desk, outbox, c, c.req.param('file'))
  })

  app.get('/mail/files/:file/look', async c => {
    onlyHere(c)
    const mail = await outbox.read(c.req.param('file'))
    if (!mail) return c.notFound()
    c.header('content-security-policy', MAIL_POLICY)
    c.header('referrer-policy', 'no-referrer')
    return c.html(mail.html.replace(/<head([^>]*)>/i, '<head$1><base target="_top">'))
  })
}

const showMail = async (desk: Desk, outbox: Outbox, c: Context, file: string): Promise<Response> => {
  const mail = await outbox.read(file)
  if (!mail) return c.notFound()
  const visit = await desk.visit(c)
  const { t, language } = visit
  const link = linkOf(mail.text, desk.publicUrl)
  const path = `/mail/files/${encodeURIComponent(file)}`
  const body = html`<section class="sheet"><p class="small"><a href="/mail">${t.outbox.back}</a></p>
<h1>${mail.subject}</h1>
<p class="small">${t.outbox.to}: ${mail.to} · ${shortTimeText(mail.date, language)}</p>
${link ? html`<p><a class="button" href="${link}">${t.outbox.follow}</a></p>` : ''}
<h2>${t.outbox.asSeen}</h2>
<iframe src="${path}/look" title="${t.outbox.asSeen}" sandbox="allow-top-navigation-by-user-activation allow-popups"></iframe>
<h2>${t.outbox.asText}</h2>
<pre>${mail.text}</pre></section>`
  c.header('content-security-policy', PAGE_POLICY)
  c.header('referrer-policy', 'no-referrer')
  return desk.show(c, visit, { title: mail.subject, body, width: 'wide', path })
}

/** What proxies add to a request that they pass on (RFC 7239, RFC 9110 section 7.6.3, and custom). A proxy on this computer brings people from elsewhere. */
const PASSED_ON = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip']

/** @throws HTTPException 404 for who does not ask from this computer, under its own name */
const onlyHere = (c: Context): void => {
  const peer = (c.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined)?.incoming?.socket
    ?.remoteAddress
  const name = URL.parse(`http://${c.req.header('host') ?? new URL(c.req.url).host}`)?.hostname ?? ''
  const here = peer === undefined || isLoopback(peer.replace(/^::ffff:/i, ''))
  const passedOn = PASSED_ON.some(header => c.req.header(header) !== undefined)
  if (!here || !isLoopback(name) || passedOn) throw new HTTPException(404)
}
