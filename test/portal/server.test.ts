import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { ListenError, SERVER_LIMITS } from '../../src/portal/server.ts'
import { freePort } from './browser.ts'
import { openSite } from './site.ts'

/** Sends bytes and gives back everything that comes until the other side closes. */
const raw = (port: number, bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let got = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.on('data', data => (got += data))
    socket.on('close', () => resolve(got))
    socket.on('error', reject)
  })

describe('the listener', () => {
  it('says which port is in use and what to do', async () => {
    const port = await freePort()
    await using site = await openSite({ publicUrl: `http://127.0.0.1:${port}` })
    const first = await site.portal.listen({ host: '127.0.0.1', port })
    await expect(site.portal.listen({ host: '127.0.0.1', port })).rejects.toThrow(ListenError)
    await expect(site.portal.listen({ host: '127.0.0.1', port })).rejects.toThrow(
      `127.0.0.1:${port} is in use by another program`,
    )
    await first.close()
    const second = await site.portal.listen({ host: '127.0.0.1', port })
    await second.close()
  })

  it('answers over the wire, knows the client, and closes with connections open', async () => {
    const port = await freePort()
    await using site = await openSite({ publicUrl: `http://127.0.0.1:${port}` })
    const listening = await site.portal.listen({ host: '127.0.0.1', port })
    expect(listening.port).toBe(port)
    const answer = await fetch(`http://127.0.0.1:${port}/sign-in`)
    expect(answer.status).toBe(200)
    const head = await fetch(`http://127.0.0.1:${port}/sign-in`, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    const idle = connect(port, '127.0.0.1')
    await new Promise(resolve => idle.once('connect', resolve))
    const started = performance.now()
    await listening.close()
    expect(performance.now() - started).toBeLessThan(SERVER_LIMITS.grace + 20_000)
    idle.destroy()
  })

  it('refuses headers and bodies that are too large, and what is no HTTP', async () => {
    const port = await freePort()
    await using site = await openSite({ publicUrl: `http://127.0.0.1:${port}` })
    const listening = await site.portal.listen({ host: '127.0.0.1', port })
    expect(await raw(port, `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toContain(' 431 ')
    expect(await raw(port, 'hello\r\n\r\n')).toContain(' 400 ')
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
    expect(
      await raw(
        port,
        `POST /sign-in HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}0\r\n\r\n`,
      ),
    ).toMatch(/ (413|403) /)
    await listening.close()
    expect(site.problems).toEqual([])
  })
  it('takes somebody who goes away in the middle of a form for no trouble inside', async () => {
    await using site = await openSite()
    const body = new ReadableStream({
      start: controller => controller.error(Object.assign(new Error('aborted'), { code: 'ECONNRESET' })),
    })
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': '100' }
    const request = new Request(`${site.publicUrl}/sign-in`, { method: 'POST', headers, body, duplex: 'half' })
    expect((await site.portal.fetch(request)).status).toBe(400)
    expect(site.problems).toEqual([])
  })
})
