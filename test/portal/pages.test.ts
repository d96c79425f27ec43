import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Outbox } from '../../src/portal/outbox.ts'
import type { Listening } from '../../src/portal/server.ts'
import { timestamp } from '../../src/ports/clock.ts'
import { describeWith } from '../parts.ts'
import { freePort, openWindow, overflow, picture, seriousFindings, startBrowser } from './browser.ts'
import { openSite, type Site } from './site.ts'

const PASSWORD = 'a long walk by the sea'

describeWith('chromium', 'the portal in a browser, without scripts', () => {
  let browser: Browser
  let site: Site
  let listening: Listening
  const mails = new Map<string, { to: string; subject: string; date: string; text: string; html: string }>()
  const outbox: Outbox = {
    list: async () => [...mails].map(([file, mail]) => ({ file, ...mail })),
    read: async file => (mails.has(file) ? { file, ...mails.get(file)! } : undefined),
  }

  beforeAll(async () => {
    browser = await startBrowser()
  })
  afterAll(() => browser.close())
  beforeEach(async () => {
    const port = await freePort()
    mails.clear()
    site = await openSite({ publicUrl: `http://127.0.0.1:${port}`, outbox })
    listening = await site.portal.listen({ host: '127.0.0.1', port })
  })
  afterEach(async () => {
    expect(site.problems).toEqual([])
    await listening.close()
    await site[Symbol.asyncDispose]()
  })

  const open = async (page: Page, path: string) => page.goto(site.publicUrl + path)
  const inviteAlice = () =>
    site.invite('alice@acme.example', {
      roles: ['editor', 'billing'],
      message: 'Hi Alice,\n\nwe keep our documents in CloudHub from now on. Have a look!',
      invitedBy: 'bob',
    })
  const invitesBob = async () => {
    const bob = await site.invite('bob@acme.example', { user: { givenName: 'Bob', familyName: 'Berg' } })
    await site.change(bob.name, spec => ({
      ...spec,
      joined: { time: timestamp(site.clock.now()), how: 'Declared' },
      settled: {
        roles: ['inviter'],
        groups: [],
        permissions: ['invitations:create'],
        time: timestamp(site.clock.now()),
      },
    }))
  }

  it('joins by keyboard alone, and shows what one has', async () => {
    await invitesBob()
    const { link, name } = await inviteAlice()
    const { context, page } = await openWindow(browser)
    await open(page, link)
    expect(page.url()).toBe(`${site.publicUrl}/invitation`)
    expect(await page.textContent('h1')).toBe('Acme GmbH invites you to CloudHub')
    await picture(page, 'invitation')
    expect(await seriousFindings(browser, page)).toEqual([])

    // Skip link, brand, address (filled in), then the two password fields and the button.
    for (const _ of ['skip', 'brand', 'address', 'password']) await page.keyboard.press('Tab')
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press('Tab')
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/me?joined=acme')
    expect((await site.membership(name)).joined).toBeDefined()
    expect(await page.textContent('main')).toContain('Welcome! You have joined Acme GmbH.')
    await picture(page, 'home-just-joined')

    await site.change(name, spec => ({
      ...spec,
      settled: {
        roles: ['billing', 'editor'],
        groups: [],
        permissions: ['documents:*'],
        time: timestamp(site.clock.now()),
      },
    }))
    await page.goto(`${site.publicUrl}/me`)
    expect(await page.textContent('main')).toContain('Writes and reviews documents')
    await page.click('text=What this allows >> nth=1')
    expect(await page.isVisible('text=documents: everything')).toBe(true)
    expect(await page.getAttribute('text=Open CloudHub', 'href')).toBe('https://app.acme.example')
    await picture(page, 'home')
    expect(await seriousFindings(browser, page)).toEqual([])
    expect(await overflow(browser, page, 320)).toBe(0)
    await context.close()
  })

  it('is read on a small phone, in German, in the dark', async () => {
    await invitesBob()
    const { link } = await inviteAlice()
    const look = { locale: 'de-DE', colorScheme: 'dark', viewport: { width: 320, height: 700 } } as const
    const { context, page } = await openWindow(browser, look)
    await open(page, link)
    expect(await page.textContent('h1')).toBe('Acme GmbH lädt Sie zu CloudHub ein')
    expect(await page.getAttribute('html', 'lang')).toBe('de')
    await picture(page, 'invitation-320-german-dark')
    expect(await overflow(browser, page, 320)).toBe(0)
    expect(await seriousFindings(browser, page, look)).toEqual([])
    await page.click('footer >> text=English')
    expect(await page.textContent('h1')).toBe('Acme GmbH invites you to CloudHub')
    await context.close()
  })

  it('declines and reports', async () => {
    const { link, name } = await inviteAlice()
    const { context, page } = await openWindow(browser)
    await open(page, link)
    await page.click('summary')
    await page.check('input[name=report]')
    await picture(page, 'invitation-decline')
    await page.click('button:has-text("Decline")')
    await page.waitForURL('**/invitation/declined')
    expect(await page.textContent('h1')).toBe('Invitation declined')
    expect((await site.membership(name)).declined?.reported).toBe(true)
    await picture(page, 'declined')
    expect(await seriousFindings(browser, page)).toEqual([])
    await context.close()
  })

  it('offers a new link where the old one is dead', async () => {
    const { link } = await inviteAlice()
    await site.clock.advance(25 * 3_600_000)
    const { context, page } = await openWindow(browser)
    await open(page, link)
    expect(await page.textContent('h1')).toBe('This link no longer works')
    await picture(page, 'dead-link')
    expect(await seriousFindings(browser, page)).toEqual([])
    expect(await overflow(browser, page, 320)).toBe(0)
    await page.click('button:has-text("Send me a new link")')
    await page.waitForURL('**/invitation/new-link')
    await picture(page, 'new-link')
    const invitation = await site.store.get('Invitation', 'alice')
    expect(Object.keys(invitation?.metadata.annotations ?? {})).toContain('roster.dev/resendRequestedAt')
    await context.close()
  })

  it('says what is wrong with a password, signs in, shows restricted access until a role arrives', async () => {
    const { link, name } = await inviteAlice()
    const { context, page } = await openWindow(browser)
    await open(page, link)
    await page.fill('#password', 'password1234')
    await page.fill('#repeat', 'password1234')
    await page.click('button:has-text("Join now")')
    expect(await page.textContent('[role=alert]')).toContain('first that anybody would guess')
    await picture(page, 'invitation-problem')
    await page.fill('#password', PASSWORD)
    await page.fill('#repeat', PASSWORD)
    await page.click('button:has-text("Join now")')
    await page.waitForURL('**/me?joined=acme')
    await page.click('text=Sign out')
    await page.waitForURL('**/sign-in')

    await page.fill('#address', 'alice@acme.example')
    await page.fill('#password', 'not this one')
    await page.click('main button')
    expect(await page.textContent('[role=alert]')).toBe('Address or password is not right.')
    await picture(page, 'sign-in-problem')
    await site.clock.advance(120_000)
    await page.fill('#password', PASSWORD)
    await page.click('main button')
    await page.waitForURL('**/me')
    expect(await page.textContent('main')).toContain('You are in, with restricted access')
    await picture(page, 'home-restricted')
    expect(await seriousFindings(browser, page)).toEqual([])
    await site.change(name, spec => ({
      ...spec,
      settled: { roles: ['editor'], groups: [], permissions: ['documents:*'], time: timestamp(site.clock.now()) },
    }))
    await page.reload()
    expect(await page.textContent('main')).not.toContain('restricted access')
    const dark = await openWindow(browser, { colorScheme: 'dark', storageState: await context.storageState() })
    await open(dark.page, '/me?lang=de')
    await dark.page.click('summary >> nth=0')
    await picture(dark.page, 'home-german-dark')
    expect(await seriousFindings(browser, dark.page, { colorScheme: 'dark' })).toEqual([])
    await dark.context.close()
    await context.close()
  })

  it('keeps its shape in forced colours and at twice the text size', async () => {
    const { link } = await inviteAlice()
    const { context, page } = await openWindow(browser, {
      forcedColors: 'active',
      viewport: { width: 500, height: 450 },
      deviceScaleFactor: 2,
    })
    await open(page, link)
    await picture(page, 'invitation-forced-colours')
    expect(await overflow(browser, page, 500)).toBe(0)
    await context.close()
  })

  it('leads from a mail in the outbox to the invitation, from the frame too', async () => {
    const { link } = await inviteAlice()
    const url = site.publicUrl + link
    mails.set('alice-0123456789abcdef.eml', {
      to: 'Alice Smith <alice@acme.example>',
      subject: 'Acme GmbH invites you to CloudHub',
      date: timestamp(site.clock.now()),
      text: `Hello,\n\nAcme GmbH invites you to CloudHub.\n\n${url}\n`,
      html: `<!doctype html><html lang="en"><head><title>Invitation</title></head><body style="font-family:sans-serif"><h1>Acme GmbH invites you to CloudHub</h1><p><a style="background:#14594a;color:#fff;padding:12px" href="${url}">See the invitation</a></p></body></html>`,
    })
    const { context, page } = await openWindow(browser)
    await open(page, '/mail')
    await picture(page, 'outbox')
    expect(await overflow(browser, page, 320)).toBe(0)
    await open(page, '/mail/alice')
    await page.frameLocator('iframe').locator('a').waitFor()
    await picture(page, 'outbox-mail')
    expect(await seriousFindings(browser, page)).toEqual([])
    await page.click('text=Follow the link')
    expect(await page.textContent('h1')).toBe('Acme GmbH invites you to CloudHub')
    expect(page.url()).toBe(`${site.publicUrl}/invitation`)
    await open(page, '/mail/alice')
    await page.frameLocator('iframe').locator('a').click()
    await page.waitForURL('**/invitation')
    expect(await page.textContent('h1')).toBe('Acme GmbH invites you to CloudHub')
    expect(await page.isVisible('button:has-text("Join now")')).toBe(true)
    await context.close()
  })

  it('asks nobody else for anything, and tells nobody the link it came from', async () => {
    const { link } = await inviteAlice()
    const { context, page } = await openWindow(browser)
    const asked: string[] = []
    const told: (string | undefined)[] = []
    page.on('request', request => {
      asked.push(request.url())
      told.push(request.headers().referer)
    })
    await open(page, link)
    await page.click('text=Deutsch')
    expect(told.length).toBeGreaterThan(3)
    expect(told.join(' ')).not.toContain('/invitations/')
    expect(asked.filter(url => !url.startsWith(site.publicUrl) && !url.startsWith('data:'))).toEqual([])
    await context.close()
  })
})
