import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { dialer } from '../src/app/dialer.ts'
import { systemClock } from '../src/app/system-clock.ts'
import { scimDriver } from '../src/directories/scim/driver.ts'

/** What reading one service came to. */
export interface ScimResult {
  /** Seconds of a read of everything. */
  read: number
  requests: number
  /** Pages of people and of groups. */
  pages: number
  /** Seconds for the same pages with fetch and JSON.parse, one after the other. */
  fetch: number
  /** MiB, after the read. */
  rss: number
}

const GROUPS = 700
const GROUP_SIZE = 100
const PEOPLE_PAGE = 500
const GROUP_PAGE = 100
const TOKEN = 'bench'

const person = (index: number) => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
  id: `user-${index}`,
  externalId: `${index}`,
  userName: `p${index}`,
  name: { givenName: `Given${index}`, familyName: `Family${index}` },
  emails: [{ value: `p${index}@acme.example`, type: 'work', primary: true }],
  active: true,
})

const group = (index: number, people: number) => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
  id: `group-${index}`,
  displayName: `Team ${index}`,
  members: Array.from({ length: Math.min(GROUP_SIZE, people) }, (_, at) => ({
    value: `user-${(index * GROUP_SIZE + at) % people}`,
    type: 'User',
  })),
})

/** A service on loopback, of which nothing is kept: each page is made when it is asked for, after so many milliseconds. */
const serve = (people: number, latency: number): void => {
  const server = createServer((came, answer) => {
    const url = new URL(`${came.url}`, 'http://bench')
    const from = Number(url.searchParams.get('startIndex') ?? 1) - 1
    const [all, make] = url.pathname.endsWith('/Users')
      ? ([people, person] as const)
      : ([GROUPS, (index: number) => group(index, people)] as const)
    const length = Math.max(Math.min(Number(url.searchParams.get('count') ?? all), all - from), 0)
    const body = /\/(Users|Groups)$/.test(url.pathname)
      ? { totalResults: all, Resources: Array.from({ length }, (_, at) => make(from + at)) }
      : { filter: { supported: true, maxResults: 1000 } }
    setTimeout(() => {
      answer.writeHead(200, { 'content-type': 'application/scim+json' })
      answer.end(JSON.stringify(body))
    }, latency)
  }).listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
}

const read = async (url: string) => {
  const driver = scimDriver({
    spec: { url, tokenSecretRef: { name: 'bench', key: 'token' }, groups: {} },
    dialer: dialer({ allowPrivate: ['*'] }),
    clock: systemClock(),
    limits: {},
    token: async () => ({ value: TOKEN, hosts: ['127.0.0.1'] }),
  })
  const begin = performance.now()
  const ended = await driver.read({ signal: new AbortController().signal, take: () => undefined })
  const seconds = (performance.now() - begin) / 1000
  await driver.close()
  if (ended.outcome !== 'Complete') throw new Error(ended.message)
  return { read: seconds, requests: ended.requests, rss: process.memoryUsage().rss / 1024 / 1024 }
}

const fetchAll = async (url: string, people: number): Promise<number> => {
  const begin = performance.now()
  for (const [path, all, size] of [
    ['Users', people, PEOPLE_PAGE],
    ['Groups', GROUPS, GROUP_PAGE],
  ] as const)
    for (let from = 1; from <= all; from += size)
      await (await fetch(`${url}/${path}?startIndex=${from}&count=${size}`)).json()
  return (performance.now() - begin) / 1000
}

const [people = '1000', latency = '0', role] = process.argv.slice(2)
if (role === 'serve') serve(Number(people), Number(latency))
else {
  const service = spawn(process.execPath, [import.meta.filename, people, latency, 'serve'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [port] = await once(createInterface(service.stdout), 'line')
    const url = `http://127.0.0.1:${port}/scim/v2`
    const pages = Math.ceil(Number(people) / PEOPLE_PAGE) + Math.ceil(GROUPS / GROUP_PAGE)
    const result: ScimResult = { ...(await read(url)), pages, fetch: await fetchAll(url, Number(people)) }
    console.log(JSON.stringify(result))
  } finally {
    service.kill()
  }
}
