import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { Connection } from '../../../src/directories/ldap/connection.ts'
import type { Entry, Result } from '../../../src/directories/ldap/message.ts'
import { filterOf, searchPages } from '../../../src/directories/ldap/search.ts'
import { serverOf } from '../../../src/directories/ldap/server.ts'

/** A server that answers with these pages, and with the last of them for ever. */
const pages = async (...answers: { entries: number; cookie: string | undefined; code?: number }[]) => {
  let page = 0
  const connection = {
    search: async function* (): AsyncGenerator<Entry[], Result> {
      const answer = answers[Math.min(page++, answers.length - 1)]
      if (!answer) throw new Error('no page')
      const entry: Entry = { dn: '', attributes: new Map(), size: 0 }
      if (answer.entries > 0) yield Array.from({ length: answer.entries }, () => entry)
      const cookie = answer.cookie === undefined ? undefined : Buffer.from(answer.cookie)
      return { code: answer.code ?? 0, text: '', cookie }
    },
  } as unknown as Connection
  let told = 0
  const asked = { server: 'ldaps://ldap.acme.example', reader: 'cn=reader' }
  const search = { connection, asked, base: 'dc=acme', filter: filterOf('(a=b)'), attributes: [], pageSize: 2 }
  try {
    for await (const entries of searchPages({ ...search, onReference: () => undefined })) told += entries.length
    return { told, complete: true }
  } catch (error) {
    return { told, complete: false, message: error instanceof Error ? error.message : '' }
  }
}

describe('a search in pages', () => {
  it('goes on after an empty page in the middle', async () => {
    const answers = [
      { entries: 2, cookie: 'a' },
      { entries: 0, cookie: 'b' },
      { entries: 1, cookie: '' },
    ]
    expect(await pages(...answers)).toEqual({ told: 3, complete: true })
  })
  it('is not complete when the server stops to answer in pages', async () => {
    const answers = [
      { entries: 2, cookie: 'a' },
      { entries: 2, cookie: undefined },
    ]
    expect(await pages(...answers)).toMatchObject({ told: 4, complete: false })
  })
  it('is not complete when pages without anybody never end', async () => {
    expect(await pages({ entries: 0, cookie: 'a' })).toMatchObject({ complete: false })
  })
  it.each([1, 3, 4, 10, 11, 50, 51, 80])('is not complete after code %i, and keeps what came before', async code => {
    expect(await pages({ entries: 2, cookie: '', code })).toMatchObject({ told: 2, complete: false })
  })
})

describe('a server that says nothing', () => {
  const within = async (
    work: (open: (signal: AbortSignal, late: (call: () => void) => void) => Promise<Connection>) => Promise<void>,
  ) => {
    const heard = createServer(socket => socket.resume()).listen(0, '127.0.0.1')
    await once(heard, 'listening')
    const { port } = heard.address() as AddressInfo
    try {
      await work((signal, late) =>
        Connection.open({
          server: serverOf(`ldap://localhost:${port}`),
          address: { address: '127.0.0.1', family: 4 },
          ca: undefined,
          signal,
          tally: { requests: 0 },
          clock: {
            now: () => 0,
            suspect: false,
            at: (_, call) => {
              late(call)
              return () => undefined
            },
          },
        }),
      )
    } finally {
      heard.close()
    }
  }

  it('is left at the deadline', () =>
    within(async open => {
      const calls: (() => void)[] = []
      const opening = open(new AbortController().signal, call => {
        calls.push(call)
        // The second one is that of StartTLS: the connection is there.
        if (calls.length === 2) setImmediate(call)
      })
      await expect(opening).rejects.toMatchObject({
        reason: 'Unreachable',
        message: expect.stringContaining('did not answer within 30 seconds'),
      })
    }))

  it('is left at an abort', () =>
    within(async open => {
      const abort = new AbortController()
      const reason = new Error('enough')
      let guards = 0
      const opening = open(abort.signal, () => {
        if (++guards === 2) setImmediate(() => abort.abort(reason))
      })
      await expect(opening).rejects.toBe(reason)
    }))
})
