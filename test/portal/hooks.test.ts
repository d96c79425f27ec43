import { createHmac } from 'node:crypto'
import { request } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SourceSpec } from '../../src/api/source.ts'
import { SecretError } from '../../src/app/secrets.ts'
import { repositoryPath, subjectOf } from '../../src/portal/hook-subject.ts'
import type { Listening } from '../../src/portal/server.ts'
import { fakeClock } from '../fakes/clock.ts'
import { openSite, type Site } from './site.ts'

const SECRET = "It's a Secret to Everybody"
const SIGNING = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const JSON_TYPE = { 'content-type': 'application/json' }
const hub = (body: string, secret = SECRET) => ({
  'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
})
const standard = (body: string, seconds: number, secret = SIGNING) => {
  const key = Buffer.from(secret.slice(6), 'base64')
  const text = `msg_1.${seconds}.${body}`
  return {
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(seconds),
    'webhook-signature': `v1,${createHmac('sha256', key).update(text).digest('base64')}`,
  }
}
const push = (url: string) =>
  JSON.stringify({ ref: 'refs/heads/main', after: 'f'.repeat(40), repository: { name: 'people', clone_url: url } })

describe('a webhook', () => {
  let site: Site
  let listening: Listening
  let secrets: Record<string, { value: string; for: string }>
  const clock = () => site.clock

  beforeEach(async () => {
    secrets = { hook: { value: SECRET, for: 'source/people' } }
    site = await openSite({
      publicUrl: 'http://127.0.0.1:8080',
      clock: fakeClock('2021-02-25T15:02:10Z'),
      secrets: {
        read: async ({ name }, audience) => {
          const found = secrets[name]
          if (!found) throw new SecretError('SecretNotFound', `there is no secret ${name}`)
          if (!found.for.split(' ').includes(audience)) throw new SecretError('SecretAudience', `not for ${audience}`)
          return { value: found.value, hosts: [] }
        },
      },
    })
    listening = await site.portal.listen({ host: '127.0.0.1', port: 0 })
  })
  afterEach(async () => {
    await listening.close()
    await site[Symbol.asyncDispose]()
  })

  const source = async (name: string, git: Partial<NonNullable<SourceSpec['git']>> = {}) => {
    const spec = {
      git: {
        url: `https://git.example/acme/${name}.git`,
        webhookSecretRef: { name: 'hook', key: 'secret' },
        ...git,
      },
    }
    await site.store.create({ kind: 'Source', metadata: { name }, spec }, { manager: 'local/root' })
    await site.known()
  }
  const send = async (body: string, headers: Record<string, string>, method = 'POST') => {
    const answer = await fetch(`http://127.0.0.1:${listening.port}/hooks/git`, {
      method,
      headers,
      ...(method === 'POST' && { body }),
    })
    return { status: answer.status, text: await answer.text(), headers: answer.headers }
  }
  /** How often a source was asked to be read, from what stands on it. */
  const asked = async (name = 'people') =>
    (await site.store.get('Source', name))?.metadata.annotations?.['roster.dev/requestedAt']
  const later = async (milliseconds: number) => {
    await clock().advance(milliseconds)
    await site.known()
  }

  it('has the source read, signed as GitHub, GitLab and Standard Webhooks publish it', async () => {
    await source('people')
    const published = {
      'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    }
    expect(await send('Hello, World!', { ...published, 'content-type': 'text/plain' })).toMatchObject({
      status: 202,
      text: 'Source/people is read\n',
    })
    await later(1_000)
    const first = await asked()
    expect(first).toBeDefined()

    expect((await send('{}', { ...JSON_TYPE, 'x-gitlab-token': SECRET })).status).toBe(202)
    await later(10_000)
    const second = await asked()
    expect(second).not.toBe(first)

    secrets['hook'] = { value: SIGNING, for: 'source/people' }
    await later(60_000)
    const vector = {
      ...JSON_TYPE,
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    }
    expect((await send('{"test": 2432232314}', vector)).status).toBe(202)
    await later(10_000)
    expect(await asked()).not.toBe(second)
    // Five minutes later the same delivery is too old.
    await later(5 * 60_000)
    expect((await send('{"test": 2432232314}', vector)).status).toBe(401)
  })

  it('says the same to whoever knows no secret, whatever is wrong', async () => {
    const body = push('https://git.example/acme/people.git')
    const now = Math.floor(clock().now() / 1000)
    const nobodyWaits = await send(body, { ...JSON_TYPE, ...hub(body) })
    await source('people')
    const answers = [
      nobodyWaits,
      await send(body, JSON_TYPE),
      await send(body, { ...JSON_TYPE, ...hub(body, 'another secret of theirs') }),
      await send(`${body} `, { ...JSON_TYPE, ...hub(body) }),
      await send(body, { ...JSON_TYPE, 'x-hub-signature-256': 'sha256=' }),
      // The old signature, of SHA-1, is none.
      await send(body, {
        ...JSON_TYPE,
        'x-hub-signature': `sha1=${createHmac('sha1', SECRET).update(body).digest('hex')}`,
      }),
      await send(body, { ...JSON_TYPE, 'x-gitlab-token': `${SECRET}!` }),
      await send(body, { ...JSON_TYPE, 'x-gitlab-token': '' }),
      await send(body, { ...JSON_TYPE, ...standard(body, now) }),
      // Not JSON: never looked into before it is vouched for.
      await send('{', JSON_TYPE),
    ]
    secrets['hook'] = { value: SIGNING, for: 'source/people' }
    await later(60_000)
    const then = Math.floor(clock().now() / 1000)
    answers.push(
      // A secret for signatures is never one to be sent.
      await send(body, { ...JSON_TYPE, 'x-gitlab-token': SIGNING }),
      await send(body, { ...JSON_TYPE, ...standard(body, then - 400) }),
      await send(body, { ...JSON_TYPE, ...standard(body, then + 400) }),
      await send(body, { ...JSON_TYPE, ...standard(body, then), 'webhook-id': 'msg_2' }),
    )
    expect(answers.map(({ status, text }) => `${status} ${text}`)).toEqual(answers.map(() => '401 not accepted\n'))
    await later(60_000)
    expect(await asked()).toBeUndefined()
    expect((await send(body, { ...JSON_TYPE, ...standard(body, Math.floor(clock().now() / 1000)) })).status).toBe(202)
  })

  it('counts for the sources of its repository alone, and for no other that has another secret', async () => {
    secrets['hook'] = { value: SECRET, for: 'source/people source/groups' }
    secrets['other'] = { value: 'another secret of ours', for: 'source/payroll' }
    await source('people', { url: 'git@git.example:acme/people.git' })
    await source('groups')
    await source('payroll', { webhookSecretRef: { name: 'other', key: 'secret' } })
    const body = push('https://git.example/Acme/people')
    expect((await send(body, { ...JSON_TYPE, ...hub(body) })).text).toBe('Source/people is read\n')
    await later(1_000)
    expect([await asked('people'), await asked('groups'), await asked('payroll')]).toEqual([
      expect.any(String),
      undefined,
      undefined,
    ])
    const unknown = push('https://git.example/acme/else.git')
    expect(await send(unknown, { ...JSON_TYPE, ...hub(unknown) })).toMatchObject({
      status: 202,
      text: 'no Source with this secret reads this repository\n',
    })
    // A body that names no repository is for all that have the secret.
    expect((await send('{}', { ...JSON_TYPE, ...hub('{}') })).text).toBe('Source/groups, Source/people is read\n')
  })

  it('changes nothing but when a source is read, whatever it says', async () => {
    await source('people')
    const before = await site.store.get('Source', 'people')
    const body = JSON.stringify({
      ref: 'refs/heads/evil',
      after: 'e'.repeat(40),
      repository: { clone_url: 'https://git.example/acme/people.git', default_branch: 'evil', git_url: 'file:///etc' },
    })
    await send(body, { ...JSON_TYPE, ...hub(body) })
    await later(1_000)
    const after = await site.store.get('Source', 'people')
    expect(after?.spec).toEqual(before?.spec)
    const { 'roster.dev/requestedAt': token, ...annotations } = after?.metadata.annotations ?? {}
    expect(annotations).toEqual(before?.metadata.annotations ?? {})
    expect(token).toMatch(/^2021-02-25T15:02:10.500Z-[0-9a-f]{8}$/)
  })

  it('that comes a hundred times at once, or again, has the source read once', async () => {
    await source('people')
    const body = push('https://git.example/acme/people.git')
    const versions = new Set<string | undefined>()
    const see = async () => versions.add((await site.store.get('Source', 'people'))?.metadata.resourceVersion)
    await see()
    const answers = await Promise.all(Array.from({ length: 100 }, () => send(body, { ...JSON_TYPE, ...hub(body) })))
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(100)
    for (let tick = 0; tick < 4; tick++) {
      await later(1_000)
      await see()
    }
    expect(versions.size).toBe(2)
    // A steady stream: once in five seconds.
    for (let tick = 0; tick < 60; tick++) {
      await send(body, { ...JSON_TYPE, ...hub(body) })
      await later(500)
      await see()
    }
    expect(versions.size).toBeGreaterThan(5)
    expect(versions.size).toBeLessThanOrEqual(10)
  })

  it('that nobody vouches for, is limited, and comes through again later', async () => {
    await source('people')
    const body = push('https://git.example/acme/people.git')
    const bad = { ...JSON_TYPE, ...hub(body, 'another secret of theirs') }
    const statuses: number[] = []
    for (let n = 0; n < 70; n++) statuses.push((await send(body, bad)).status)
    expect(statuses.slice(0, 60)).toEqual(Array.from({ length: 60 }, () => 401))
    expect(statuses.slice(61)).toEqual(Array.from({ length: 9 }, () => 429))
    const limited = await send(body, { ...JSON_TYPE, ...hub(body) })
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '5'])
    await later(5_000)
    expect((await send(body, { ...JSON_TYPE, ...hub(body) })).status).toBe(202)
  })

  it('that is too large, too deep, no JSON or no POST is refused', async () => {
    await source('people')
    const large = `"${'x'.repeat(4 * 1024 * 1024)}"`
    expect((await send(large, { ...JSON_TYPE, ...hub(large) })).status).toBe(413)
    const deep = '['.repeat(100_000)
    expect(await send(deep, { ...JSON_TYPE, ...hub(deep) })).toMatchObject({ status: 400 })
    const nested = `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`
    expect(await send(nested, { ...JSON_TYPE, ...hub(nested) })).toMatchObject({
      status: 400,
      text: 'nested deeper than 32 levels\n',
    })
    const quoted = JSON.stringify({ text: `${'['.repeat(100)}"\\` })
    expect((await send(quoted, { ...JSON_TYPE, ...hub(quoted) })).status).toBe(202)
    expect(await send('{', { ...JSON_TYPE, ...hub('{') })).toMatchObject({ status: 400, text: 'not JSON\n' })
    const got = await send('', {}, 'GET')
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST'])
    expect(site.problems).toEqual([])
  })

  it('whose sender goes away in the middle leaves nothing behind', async () => {
    await source('people')
    await new Promise<void>(resolve => {
      const call = request({
        port: listening.port,
        host: '127.0.0.1',
        path: '/hooks/git',
        method: 'POST',
        headers: { 'content-length': '100', ...JSON_TYPE },
      })
      call.on('error', () => resolve())
      call.write('{', () => call.destroy())
      call.on('close', () => resolve())
    })
    expect((await send('{}', { ...JSON_TYPE, ...hub('{}') })).status).toBe(202)
    expect(site.problems).toEqual([])
  })

  it('whose secret is not there, not meant for the source or too short, is reported once and counts for nobody', async () => {
    await source('people')
    await source('groups')
    secrets['hook'] = { value: 'short', for: 'source/people' }
    const body = push('https://git.example/acme/people.git')
    for (let n = 0; n < 3; n++) {
      expect((await send(body, { ...JSON_TYPE, ...hub(body, 'short') })).status).toBe(401)
      await later(60_000)
    }
    expect(site.problems.map(problem => (problem as { route: string; error: unknown }).route)).toEqual([
      '/hooks/git (Source/groups)',
      '/hooks/git (Source/people)',
    ])
    expect(JSON.stringify(site.problems.map(problem => String((problem as { error: unknown }).error)))).not.toContain(
      '"short"',
    )
  })

  it('is taken with a new secret within half a minute, and with the old one no more', async () => {
    await source('people')
    const next = 'the secret after that one'
    expect((await send('{}', { ...JSON_TYPE, ...hub('{}') })).status).toBe(202)
    secrets['hook'] = { value: next, for: 'source/people' }
    await later(30_000)
    expect((await send('{}', { ...JSON_TYPE, ...hub('{}') })).status).toBe(401)
    expect((await send('{}', { ...JSON_TYPE, ...hub('{}', next) })).status).toBe(202)
  })
})

describe('the repository of a webhook', () => {
  it('is the same by whatever address it is named', () => {
    for (const url of [
      'https://git.example/acme/people.git',
      'https://git.example:8443/acme/people/',
      'ssh://git@ssh.git.example:443/acme/people.git',
      'git@git.example:acme/people.git',
      'git://git.example/Acme/People.git',
      'https://git.example/acme/people?x#y',
    ])
      expect(repositoryPath(url), url).toBe('acme/people')
    expect(repositoryPath('https://git.example')).toBeUndefined()
    expect(repositoryPath('people')).toBeUndefined()
  })
  it('is found where GitHub and GitLab name it', () => {
    const of = (value: unknown) => subjectOf(Buffer.from(JSON.stringify(value)), 'application/json; charset=utf-8')
    const gitlab = {
      object_kind: 'push',
      project: {
        git_ssh_url: 'git@gitlab.example:acme/people.git',
        git_http_url: 'https://gitlab.example/sub/acme/people.git',
      },
    }
    expect([...(of(gitlab) ?? [])].sort()).toEqual(['acme/people', 'sub/acme/people'])
    expect(of({ repository: null, project: { git_url: 7 } })).toBeUndefined()
    expect(of([1])).toBeUndefined()
    expect(of({ __proto__: null, constructor: 1 })).toBeUndefined()
  })
})
