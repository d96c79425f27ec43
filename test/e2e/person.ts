import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import PostalMime from 'postal-mime'

/** A mail in the folder of a data folder. */
export interface Letter {
  messageId: string
  to: string
  subject: string
  text: string
  file: string
}

export const lettersIn = async (folder: string): Promise<Letter[]> => {
  const files = await readdir(folder).catch(() => [])
  return Promise.all(
    files
      .filter(file => file.endsWith('.eml'))
      .map(async file => {
        const mail = await PostalMime.parse(await readFile(join(folder, file)))
        return {
          messageId: mail.messageId ?? '',
          to: mail.to?.[0]?.address ?? '',
          subject: mail.subject ?? '',
          text: mail.text ?? '',
          file,
        }
      }),
  )
}

export const linkIn = (letter: Letter): string => {
  const link = /https?:\/\/\S+\/invitations\/\S+/.exec(letter.text)?.[0]
  if (!link) throw new Error(`no link in the mail to ${letter.to}`)
  return link
}

/** Somebody with a browser that keeps cookies, without scripts. */
export class Person {
  readonly #cookies = new Map<string, string>()
  /** What the portal is called. */
  readonly origin: string
  readonly #server: string

  /** @param server where requests go, as if a proxy stood between */
  constructor(origin: string, server = origin) {
    this.origin = origin
    this.#server = server
  }

  async visit(url: string): Promise<Response> {
    let at = new URL(url, this.origin)
    for (let hops = 0; hops < 5; hops++) {
      const response = await this.#send(at, {})
      const location = response.headers.get('location')
      if (response.status < 300 || response.status >= 400 || !location) return response
      at = new URL(location, at)
    }
    throw new Error(`${url} redirects for ever`)
  }

  /** Sends the form with this action of the page, and follows where it leads. */
  async submit(page: string, action: string, fields: Record<string, string>): Promise<Response> {
    const html = await (await this.visit(page)).text()
    const form = html.split('<form').find(part => part.includes(`action="${action}"`))
    const token = /name="form" value="([^"]*)"/.exec(form ?? '')?.[1]
    if (token === undefined)
      throw new Error(
        `no form ${action} on ${page}: ${html
          .replace(/<[^>]*>/g, ' ')
          .replace(/\s+/g, ' ')
          .slice(0, 300)}`,
      )
    const response = await this.#send(new URL(action, this.origin), {
      method: 'POST',
      headers: { origin: this.origin, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ form: token, ...fields }).toString(),
    })
    const location = response.headers.get('location')
    return location ? this.visit(new URL(location, this.origin).href) : response
  }

  /** Follows the link of a mail and accepts with a password. @returns the text of the page afterwards */
  async accept(link: string, password = 'correct horse battery staple'): Promise<string> {
    await this.visit(link)
    const response = await this.submit('/invitation', '/invitation', { password, repeat: password })
    return pageText(await response.text())
  }

  async #send(url: URL, init: RequestInit): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(new URL(url.pathname + url.search, this.#server), {
      ...init,
      redirect: 'manual',
      headers: { ...(init.headers as Record<string, string>), ...(cookie ? { cookie } : {}) },
    })
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';')
      const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
      if (value === '' || attributes.some(attribute => /max-age=0\b/i.test(attribute))) this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
    return response
  }
}

export const pageText = (html: string): string =>
  html
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
