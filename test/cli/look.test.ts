import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { acmePlace, type Place, steady } from './command-line.ts'

let acme: Place
beforeAll(async () => {
  acme = await acmePlace()
  await acme.accept('alice@acme.example')
  await acme.settle()
})
afterAll(() => acme[Symbol.dispose]())

describe('describe', () => {
  test('a person with memberships, attempts, mails and seats', async () => {
    const { code, out } = await acme.run('describe', 'user', 'alice')
    expect(code).toBe(0)
    await expect(steady(out)).toMatchFileSnapshot('golden/describe-alice.txt')
  })

  test('an invitation with its attempts', async () => {
    const { out } = await acme.run('describe', 'inv/carol')
    await expect(steady(out)).toMatchFileSnapshot('golden/describe-carol.txt')
  })

  test('no random part of a link is shown, by whatever verb', async () => {
    const nonces = await acme.withStore(async store =>
      (await store.list('Membership')).items.map(({ spec }) => spec.nonce),
    )
    expect(nonces.length).toBeGreaterThan(10)
    const name = await acme.withStore(async store => (await store.list('Membership')).items[0]?.metadata.name ?? '')
    for (const args of [
      ['describe', 'membership', name, '-o', 'json'],
      ['describe', 'user', 'alice', '-o', 'yaml'],
      ['get', 'memberships', '-o', 'json'],
      ['get', 'membership', name, '-o', 'yaml'],
      ['export', '-o', 'json'],
      ['export'],
      ['audit', '-o', 'json'],
    ]) {
      const { code, out } = await acme.run(...args)
      expect(code).toBe(0)
      expect(out.length).toBeGreaterThan(100)
      for (const nonce of nonces) expect(out).not.toContain(nonce)
    }
  })

  test('what is not there is a no, with the name that was meant', async () => {
    expect(await acme.run('describe', 'user', 'alise')).toEqual({
      code: 1,
      out: '',
      err: 'user "alise" does not exist; did you mean "alice"?\n',
    })
    const json = await acme.run('describe', 'user', 'alise', '-o', 'json')
    expect([json.code, JSON.parse(json.out).error.reason]).toEqual([1, 'ReferenceNotFound'])
    expect((await acme.run('describe', 'usre', 'alice')).err).toContain('there is no kind "usre"; did you mean')
    expect((await acme.run('describe', 'user')).code).toBe(2)
  })

  test('control characters in a text reach no terminal', async () => {
    using other = acme.copy()
    await other.withStore(store =>
      store.create(
        {
          kind: 'Group',
          metadata: { name: 'evil', annotations: { note: '\u001b[2J\u202egone' } },
          spec: { organization: 'acme', displayName: 'a\u001b]0;owned\u0007\u202eb' },
        },
        { manager: 'local/test' },
      ),
    )
    for (const args of [
      ['describe', 'group', 'evil'],
      ['get', 'group', 'evil', '-o', 'yaml'],
      ['get', 'group', 'evil', '-o', 'json'],
      ['get', 'groups', '-o', 'wide'],
      ['export', '--kinds', 'groups'],
    ]) {
      const { out } = await other.run(...args)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      expect(out).not.toMatch(/[\u001b\u0007\u202e]/)
    }
    const { out } = await other.run('get', 'group', 'evil', '-o', 'json')
    expect(JSON.parse(out).spec.displayName).toBe('a\u001b]0;owned\u0007\u202eb')
  })
})

describe('get', () => {
  test('prints a table as kubectl does', async () => {
    const { code, out } = await acme.run('get', 'all')
    expect(code).toBe(0)
    await expect(steady(out)).toMatchFileSnapshot('golden/get-all.txt')
  })

  test('nothing to list is no error; a missing name is a no', async () => {
    expect(await acme.run('get', 'sources')).toEqual({ code: 0, out: '', err: 'No resources found.\n' })
    expect((await acme.run('get', 'user', 'alise')).code).toBe(1)
  })
})

describe('events', () => {
  test('of one person, with their invitations', async () => {
    const { code, out } = await acme.run('events', '--user', 'alice')
    expect(code).toBe(0)
    expect(out).toContain('invitation/alice-')
    expect(out).not.toContain('invitation/ben-')
  })

  test('nothing happened lately is said, and is no error; a wrong time is trouble', async () => {
    expect(await acme.run('events', '--since', '2035-01-01')).toEqual({ code: 0, out: '', err: 'No events.\n' })
    expect((await acme.run('events', '--since', 'yesterday')).err).toContain('write 90m, 24h or 7d')
  })
})

describe('audit', () => {
  test('of one person, under every name that lines have', async () => {
    const { code, out } = await acme.run('audit', '--user', 'alice', '-o', 'json')
    expect(code).toBe(0)
    const { lines } = JSON.parse(out) as { lines: { action: string; target: string }[] }
    expect(new Set(lines.map(line => line.action))).toContain('mail.send')
    expect(lines.some(line => line.target.startsWith('Membership/'))).toBe(true)
    const others = JSON.parse((await acme.run('audit', '-o', 'json')).out).lines.length
    expect(lines.length).toBeLessThan(others)
  })

  test('is verified by its chain, and against heads that were kept', async () => {
    using other = acme.copy()
    expect(await other.run('audit', 'verify')).toMatchObject({ code: 0, err: expect.stringContaining(' 0 problems') })
    const { out: head } = await other.run('audit', 'head', '-o', 'json')
    writeFileSync(join(other.folder, 'head.json'), head)
    expect((await other.run('audit', 'verify', '--against', 'head.json')).code).toBe(0)
    const folder = join(other.folder, '.roster', 'audit')
    const [file = ''] = readdirSync(folder)
    const text = readFileSync(join(folder, file), 'utf8')
    writeFileSync(join(folder, file), text.slice(0, text.trimEnd().lastIndexOf('\n') + 1))
    expect((await other.run('audit', 'verify')).code).toBe(0)
    const { code, out } = await other.run('audit', 'verify', '--against', 'head.json', '-o', 'json')
    expect(code).toBe(1)
    expect(JSON.parse(out).breaks).toMatchObject([{ problem: 'Truncated' }])
    expect((await other.run('audit', 'verify', '--against', 'none.json')).code).toBe(2)
    expect((await other.run('audit', 'verfy')).code).toBe(2)
  })

  test('the table calls records by their address', async () => {
    const { out } = await acme.run('audit', '--action', 'mail', '--user', 'alice@acme.example')
    expect(out).toContain('Membership/alice@acme.example')
  })

  test('a limit that is no number is trouble', async () => {
    expect((await acme.run('audit', '--limit', 'few')).code).toBe(2)
    expect((await acme.run('audit', '--limit', '3', '-o', 'jsonl')).out.trim().split('\n')).toHaveLength(3)
  })

  test('nothing found is said; lines that cannot be read are counted', async () => {
    using other = acme.copy()
    const { appendFileSync, readdirSync } = await import('node:fs')
    const folder = `${other.folder}/.roster/audit`
    appendFileSync(`${folder}/${readdirSync(folder)[0]}`, '{"time": "cut o')
    const { out, err } = await other.run('audit', '--by', 'nobody')
    expect([out, err]).toEqual([
      '',
      `Nothing of this is in the audit trail.\n1 line in ${folder} cannot be read: cut off by a crash, or changed by somebody\n`,
    ])
  })
})

describe('wait', () => {
  test('what is so already is met at once', async () => {
    expect(await acme.run('wait', 'user', 'alice', '--for', 'condition=Ready')).toMatchObject({ code: 0 })
    expect(await acme.run('wait', 'user/alice@acme.example', '--for', 'state=Active')).toMatchObject({ code: 0 })
    expect(await acme.run('wait', 'user', 'nobody', '--for', 'delete')).toMatchObject({ code: 0 })
  })

  test('what comes while waiting is met', async () => {
    using other = acme.copy()
    const waiting = other.run('wait', 'group', 'new', '--for', 'create', '--timeout', '20s')
    await other.withStore(store =>
      store.create(
        { kind: 'Group', metadata: { name: 'new' }, spec: { organization: 'acme' } },
        { manager: 'local/test' },
      ),
    )
    expect((await waiting).code).toBe(0)
  })

  test('what does not come in time is a no, and says how it stands', async () => {
    const { code, err } = await acme.run('wait', 'user', 'ben', '--for', 'state=Active', '--timeout', '1s')
    expect(code).toBe(1)
    expect(err).toBe('user/ben is not so within 1s: status.state is Invited\n')
  })

  test('what cannot be waited for is trouble', async () => {
    expect((await acme.run('wait', 'user', 'ben', '--for', 'happiness')).code).toBe(2)
    expect((await acme.run('wait', 'user', 'ben', '--for', 'delete', '--timeout', 'soon')).code).toBe(2)
  })
})

describe('explain', () => {
  test.each(['user', 'user.memberships', 'organization.invitations', 'source'])('%s', async what => {
    const { code, out } = await acme.run('explain', what)
    expect(code).toBe(0)
    await expect(out).toMatchFileSnapshot(`golden/explain-${what}.txt`)
  })

  test('every field of every kind can be explained', async () => {
    for (const kind of ['org', 'role', 'grp', 'pool', 'inv', 'src', 'account', 'membership', 'seatledger', 'usr']) {
      const { code, out } = await acme.run('explain', kind, '--recursive')
      expect(code).toBe(0)
      expect(out).not.toContain('undefined')
    }
    expect((await acme.run('explain', 'user.spec.licenses.pool')).code).toBe(0)
    expect((await acme.run('explain', 'user.status.state')).code).toBe(0)
  })

  test('a field with a typing error is trouble, with the one that was meant', async () => {
    expect(await acme.run('explain', 'user.membership')).toEqual({
      code: 2,
      out: '',
      err: 'roster: User has no field "membership"; did you mean "memberships"?\n',
    })
  })
})
