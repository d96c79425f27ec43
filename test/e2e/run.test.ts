import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Membership } from '../../src/api/membership.ts'
import type { User } from '../../src/api/user.ts'
import { smtpPeer } from '../peers/smtp.ts'
import { lettersIn } from './person.ts'
import { type Ended, eventually, Workplace } from './process.ts'

const EXAMPLE = join(import.meta.dirname, '..', '..', 'examples', 'acme')

const acme = async (): Promise<Workplace> => {
  const place = await Workplace.make()
  await cp(EXAMPLE, join(place.folder, 'acme'), { recursive: true })
  return place
}
const mails = (place: Workplace) => lettersIn(join(place.folder, '.roster', 'mail'))

/** Something else on a port, as long as it is needed. */
const occupied = async (port: number): Promise<AsyncDisposable> => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  return { [Symbol.asyncDispose]: () => new Promise(resolve => server.close(() => resolve())) }
}

/** One line, which says what is wrong and what to do. */
const refused = ({ code, err, out }: Ended, ...says: (string | RegExp)[]): void => {
  expect(err).toMatch(/^roster: [^\n]+\n$/)
  for (const text of says) expect(err).toMatch(text)
  expect(out).toBe('')
  expect(code).toBe(2)
}

describe('a start that cannot be', () => {
  it('names the port that is in use, and the flag that chooses another', async () => {
    await using place = await acme()
    {
      await using _ = await occupied(place.port)
      refused(await place.roster('run', 'acme'), `127.0.0.1:${place.port} is in use`, '--listen')
    }
    {
      await using _ = await occupied(place.opsPort)
      refused(await place.roster('run', 'acme'), `127.0.0.1:${place.opsPort}`, /in use/, '--ops-listen')
    }
    // Nothing was begun meanwhile.
    expect(await mails(place)).toEqual([])
  }, 60_000)

  it('names the data folder that cannot be one', async () => {
    await using place = await acme()
    await writeFile(join(place.folder, 'file'), '')
    refused(await place.roster('run', 'acme', '--data', 'file'), /is not a folder/, /choose another/i)
    refused(await place.roster('run', 'acme', '--data', 'file/below'), /folder|file/)
  }, 60_000)

  it('with mail settings that the store is not bound to says what it is bound to, and changes nothing', async () => {
    await using place = await acme()
    await (await place.run('acme')).stop()
    const sent = (await mails(place)).length
    refused(
      await place.roster('run', 'acme', '--smtp', 'smtp://127.0.0.1:1', '--public-url', place.url),
      /bound to mail to/,
      '--rebind',
    )
    refused(
      await place.roster('apply', 'acme', '--smtp', 'smtp://127.0.0.1:1', '--public-url', place.url),
      /bound to mail to/,
      '--rebind',
    )
    expect((await mails(place)).length).toBe(sent)
  }, 90_000)
})

describe('a controller', () => {
  it('takes an edit over within a second, tells a broken one with its place, and that it is mended', async () => {
    await using place = await acme()
    const running = await place.run('acme')
    const file = join(place.folder, 'acme', 'users', 'priya.yaml')
    const text = await readFile(file, 'utf8')
    const roles = async () => (await place.json<User>('get', 'user', 'priya')).spec.memberships?.[0]?.roles

    const begin = Date.now()
    await writeFile(file, text.replace('{organization: acme}', '{organization: acme, roles: [viewer]}'))
    await eventually(
      () => running.output().includes('user priya changed (users/priya.yaml') || undefined,
      'the edit is told',
    )
    // It is told up to 350 ms after it took effect. On a machine with nothing else to do all of it takes half a second.
    expect(Date.now() - begin).toBeLessThan(30_000)
    expect(await roles()).toEqual(['viewer'])

    await writeFile(file, text.replace('{organization: acme}', '{organization: acme, roles: [viewer}'))
    await eventually(
      () =>
        /! acme\/users\/priya\.yaml:\d+:\d+: .*Nothing of this revision is applied/.test(running.output()) || undefined,
      'the broken edit is told',
    )
    expect(await roles()).toEqual(['viewer'])
    await writeFile(file, text)
    await eventually(() => running.output().includes('✓ acme is read again') || undefined, 'that it is mended is told')
    await eventually(async () => ((await roles()) === undefined ? true : undefined), 'the last edit is in force')
    const events = await place.roster('events')
    expect(events.out).toContain('InvalidManifests')
    await running.stop()
  }, 90_000)

  it('says at its start what it cannot read', async () => {
    await using place = await acme()
    const running = await place.run('nowhere')
    await eventually(() => /! .*nowhere.*does not exist/.test(running.output()) || undefined, 'the wrong path is told')
    await running.stop()
  }, 90_000)

  it('says at its second start what it found', async () => {
    await using place = await acme()
    await (await place.run('acme')).stop()
    const again = await place.run('acme')
    expect(again.output()).toMatch(
      /^Going on where it stopped \(\w{3} \d\d:\d\d\): nothing to do, 0 mails\. 12 invitations open\.\n/,
    )
    const { out } = await again.stop()
    expect(out).toMatch(/\nStopped\. 0 joined, 12 invited, nothing half done\.\n$/)
  }, 60_000)

  it('finishes what is in hand when it is asked to stop, and is gone within ten seconds', async () => {
    await using peer = await smtpPeer()
    await using place = await acme()
    peer.treat('hang-before-data')
    const { child, ended } = place.spawn(
      'run',
      'acme',
      '--smtp',
      `smtp://127.0.0.1:${peer.port}`,
      '--public-url',
      place.url,
    )
    // One mail hangs, others come and go.
    await peer.started(2)
    const begin = Date.now()
    child.kill('SIGTERM')
    const { code, err } = await ended
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(Date.now() - begin).toBeLessThan(30_000)
    const delivered = peer.mails.map(({ to }) => to.join()).sort()
    expect(new Set(delivered).size).toBe(delivered.length)
  }, 90_000)

  it('asked twice, at two times, ends at once', async () => {
    await using peer = await smtpPeer()
    await using place = await acme()
    peer.treat(...Array.from({ length: 20 }, () => 'hang-before-data' as const))
    const { child, ended } = place.spawn(
      'run',
      'acme',
      '--smtp',
      `smtp://127.0.0.1:${peer.port}`,
      '--public-url',
      place.url,
    )
    await peer.started(1)
    let over = false
    void ended.then(() => {
      over = true
    })
    child.kill('SIGINT')
    await new Promise(resolve => setTimeout(resolve, 1_500))
    if (!over) child.kill('SIGINT')
    expect([0, 130]).toContain((await ended).code)
  }, 60_000)

  it('is planned beside without noticing', async () => {
    await using place = await acme()
    const running = await place.run('acme')
    const data = join(place.folder, '.roster')
    const digest = async (): Promise<string[]> => {
      const files = (await readdir(data, { recursive: true, withFileTypes: true })).filter(
        // The store is compared by its version: a page may be moved from its log at any time.
        file => file.isFile() && !/^roster\.sqlite|^lease\.sqlite|^credentials\.sqlite|\.jsonl$/.test(file.name),
      )
      return Promise.all(
        files
          .map(file => join(file.parentPath, file.name))
          .sort()
          .map(
            async path =>
              `${path} ${createHash('sha256')
                .update(await readFile(path))
                .digest('hex')}`,
          ),
      )
    }
    // Without what is counted at its own pace, which may come in between.
    const objects = async () =>
      Promise.all(
        ['sources', 'groups', 'licensepools', 'users', 'invitations', 'memberships', 'seatledgers'].map(kind =>
          place.json('get', kind),
        ),
      )
    const before = [await digest(), await objects()]
    const file = join(place.folder, 'planned.csv')
    await writeFile(file, 'name,email,organization,roles\nzoe,zoe@acme.example,acme,viewer\n')
    const { code, out } = await place.roster('plan', 'planned.csv', '--source', 'table')
    expect(code).toBe(1)
    expect(out).toContain('zoe@acme.example')
    expect([await digest(), await objects()]).toEqual(before)
    await running.stop()
  }, 60_000)

  it('killed while an apply waits for it, is followed by that apply', async () => {
    await using peer = await smtpPeer()
    await using place = await acme()
    const server = ['--smtp', `smtp://127.0.0.1:${peer.port}`, '--public-url', place.url]
    const running = await place.run('acme', ...server)
    await writeFile(
      join(place.folder, 'more.csv'),
      `name,email,organization,roles\n${Array.from({ length: 6 }, (_, at) => `z${at},z${at}@acme.example,acme,viewer`).join('\n')}\n`,
    )
    // The holder is stuck in a mail, so the apply has to wait.
    peer.treat('hang-before-data')
    const begun = peer.begun
    const applying = place.roster('apply', 'more.csv', '--source', 'table', ...server)
    await peer.started(begun + 1)
    running.child.kill('SIGKILL')
    await running.ended
    const { code, err } = await applying
    expect(code, err).toBe(0)
    // Whom the dead process had claimed a mail for is waited for; everybody is in the records by now.
    const { items } = await place.json<{ items: Membership[] }>('get', 'memberships')
    expect(items.filter(({ spec }) => /^z\d@/.test(spec.address))).toHaveLength(6)
    const addresses = peer.mails.flatMap(({ to }) => to)
    expect(new Set(addresses).size).toBe(addresses.length)
  }, 90_000)
})

/** A small disk: only where the machine lets us make one. */
const smallDisk = async (folder: string): Promise<AsyncDisposable | undefined> => {
  await mkdir(folder, { recursive: true })
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=0700', 'tmpfs', folder])
  if (status !== 0) return undefined
  return {
    [Symbol.asyncDispose]: async () => {
      spawnSync('umount', ['-l', folder])
    },
  }
}

describe('a full disk', () => {
  it('is told in one line, loses nothing that was acknowledged, and is recovered from', async context => {
    await using place = await acme()
    const data = join(place.folder, 'small')
    await using disk = await smallDisk(data)
    if (!disk) return context.skip('no permission to mount a small disk')
    const running = await place.run('acme', '--data', 'small')
    const invited = (await lettersIn(join(data, 'mail'))).map(({ to }) => to)
    expect(invited).toHaveLength(12)
    // Nothing is left to write in.
    const filler = join(data, 'filler')
    spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4096'])
    const people = Array.from({ length: 20 }, (_, at) => `q${at},q${at}@acme.example,acme,viewer`).join('\n')
    await writeFile(join(place.folder, 'acme', 'more.csv'), `name,email,organization,roles\n${people}\n`)
    await eventually(() => /disk is full/.test(running.output()) || undefined, 'the full disk is told', 30_000)
    const told = running
      .output()
      .split('\n')
      .filter(line => /disk is full/.test(line))
    expect(told).toHaveLength(1)
    await rm(filler)
    await eventually(
      async () => ((await lettersIn(join(data, 'mail'))).length === 32 ? true : undefined),
      'everybody is invited once there is room',
      90_000,
    )
    const { code } = await running.stop()
    expect(code).toBe(0)
    const all = (await lettersIn(join(data, 'mail'))).map(({ to }) => to)
    expect(new Set(all).size).toBe(all.length)
    expect(all).toEqual(expect.arrayContaining(invited))
  }, 180_000)
})
