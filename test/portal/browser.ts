import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { chromiumPath } from '../../scripts/parts.mjs'

/** Where pictures of pages are kept, to be looked at. */
const ARTIFACTS = join(import.meta.dirname, '../artifacts/portal')
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const startBrowser = async (): Promise<Browser> => {
  const executablePath = chromiumPath()
  if (!executablePath) throw new Error('there is no chromium')
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })
}

/** A port of this computer that nothing listens on now. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })

/** A window of somebody. Scripts of pages are off unless asked for: everything has to work without. */
export const openWindow = async (
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<{ context: BrowserContext; page: Page }> => {
  const context = await browser.newContext({
    locale: 'en-GB',
    viewport: { width: 1000, height: 900 },
    javaScriptEnabled: false,
    ...options,
  })
  return { context, page: await context.newPage() }
}

export const picture = async (page: Page, name: string): Promise<void> => {
  mkdirSync(ARTIFACTS, { recursive: true })
  await page.screenshot({ path: join(ARTIFACTS, `${name}.png`), fullPage: true })
}

/** What axe finds wrong and calls serious or critical. Looks at the same document in a window of its own, since it needs scripts. */
export const seriousFindings = async (
  browser: Browser,
  page: Page,
  options: BrowserContextOptions = {},
): Promise<string[]> => {
  const context = await browser.newContext({
    bypassCSP: true,
    viewport: page.viewportSize(),
    ...options,
    storageState: await page.context().storageState(),
  })
  try {
    const copy = await context.newPage()
    await copy.goto(page.url())
    await copy.evaluate(AXE)
    const { violations } = (await copy.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as {
      violations: { id: string; impact: string; nodes: { html: string }[] }[]
    }
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
  } finally {
    await context.close()
  }
}

/** How many pixels the page is wider than the window. */
export const overflow = async (browser: Browser, page: Page, width: number): Promise<number> => {
  const context = await browser.newContext({
    bypassCSP: true,
    viewport: { width, height: 800 },
    storageState: await page.context().storageState(),
    locale: 'en-GB',
  })
  try {
    const copy = await context.newPage()
    await copy.goto(page.url())
    return (await copy.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    )) as number
  } finally {
    await context.close()
  }
}
