import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { LicensePool } from '../../src/api/licensepool.ts'
import type { User } from '../../src/api/user.ts'
import { lettersIn, linkIn, Person } from './person.ts'
import { eventually, Workplace } from './process.ts'

const EXAMPLE = join(import.meta.dirname, '..', '..', 'examples', 'acme')

const ZOE = `apiVersion: roster.dev/v1alpha1
kind: User
metadata: {name: zoe}
spec: {email: zoe@acme.example, memberships: [{organization: acme, roles: [viewer]}]}
`

const acme = async () => {
  const place = await Workplace.make()
  await cp(EXAMPLE, join(place.folder, 'acme'), { recursive: true })
  const mails = () => lettersIn(join(place.folder, '.roster', 'mail'))
  const letterTo = async (address: string, subject = 'invites') => {
    const letter = (await mails()).find(({ to, subject: has }) => to === address && has.includes(subject))
    return letter
  }
  const user = (name: string) => place.json<User>('get', 'user', name)
  return { place, mails, letterTo, user }
}

describe('the main job', () => {
  it('invites by mail, lets people accept, gives roles and seats, and says so', async () => {
    const { place, mails, letterTo, user } = await acme()
    await using _ = place
    // A seat for each of the eleven, and Zoe, who comes last, waits.
    const pool = join(place.folder, 'acme', 'licenses.yaml')
    await writeFile(pool, (await readFile(pool, 'utf8')).replace('seats: 10', 'seats: 11'))
    const running = await place.run('acme')
    expect((await mails()).map(({ to }) => to).sort()).toHaveLength(12)
    await writeFile(join(place.folder, 'acme', 'users', 'zoe.yaml'), ZOE)
    await eventually(
      async () => ((await user('zoe')).status?.licenses?.[0]?.state === 'Waiting' ? true : undefined),
      'Zoe waits',
    )
    expect(await place.json<LicensePool>('get', 'pool', 'suite')).toMatchObject({
      status: { seats: 11, reserved: 11, waiting: 1 },
    })

    const alice = await letterTo('alice@acme.example')
    const page = await new Person(place.url).accept(linkIn(alice as NonNullable<typeof alice>))
    expect(page).toContain('Editor')
    await eventually(
      async () => ((await user('alice')).status?.state === 'Active' ? true : undefined),
      'alice is active',
    )
    await eventually(() => letterTo('alice@acme.example', 'elcome'), 'alice has her welcome mail')
    expect((await user('alice')).status?.memberships).toEqual([
      { organization: 'acme', state: 'Active', roles: ['billing', 'editor'] },
    ])
    // Her seat was kept for her while she was invited; joining must not lose it to whoever waits.
    expect((await user('alice')).status?.licenses).toEqual([{ pool: 'suite', quantity: 1, state: 'Used' }])
    expect(await place.json<LicensePool>('get', 'pool', 'suite')).toMatchObject({ status: { used: 1, waiting: 1 } })

    // Carol's roles come from an Invitation written by hand: noted after she joined. Ben's come from a group, and his mail says so.
    const carol = await letterTo('carol@partner.example')
    await new Person(place.url).accept(linkIn(carol as NonNullable<typeof carol>))
    const [guest] = (await place.json<{ items: User[] }>('get', 'users')).items.filter(
      ({ spec }) => spec.email === 'carol@partner.example',
    )
    const name = guest?.metadata.name ?? ''
    await eventually(
      async () => ((await user(name)).status?.state === 'Active' ? true : undefined),
      'carol has her roles',
    )
    await eventually(
      async () => ((await user(name)).status?.licenses?.[0]?.state === 'Used' ? true : undefined),
      'carol has the seat that was kept for her',
    )
    expect((await user('zoe')).status?.licenses).toEqual([{ pool: 'suite', quantity: 1, state: 'Waiting' }])
    expect((await letterTo('ben@acme.example'))?.text).toMatch(/Roles:\s+Editor/)

    const file = join(place.folder, 'acme', 'users', 'priya.yaml')
    await writeFile(
      file,
      (await readFile(file, 'utf8')).replace('{organization: acme}', '{organization: acme, roles: [viewer]}'),
    )
    await eventually(
      async () => ((await user('priya')).spec.memberships?.[0]?.roles?.includes('viewer') ? true : undefined),
      'the edit of a file is in the store',
    )

    const { code, out } = await running.stop()
    expect(out).toContain('Stopped. 2 joined, 11 invited, nothing half done.')
    expect(code).toBe(0)
  })

  it('goes on where it stopped and sends nothing twice', async () => {
    const { place, mails } = await acme()
    await using _ = place
    await (await place.run('acme')).stop()
    const before = (await mails()).map(({ messageId }) => messageId).sort()
    const again = await place.run('acme')
    await again.stop()
    expect((await mails()).map(({ messageId }) => messageId).sort()).toEqual(before)
  })

  it('does nothing after every status was wiped', async () => {
    const { place, mails } = await acme()
    await using _ = place
    await (await place.run('acme')).stop()
    const { DatabaseSync } = await import('node:sqlite')
    const db = new DatabaseSync(join(place.folder, '.roster', 'roster.sqlite'))
    db.exec('UPDATE objects SET status = NULL')
    db.close()
    const before = (await mails()).length
    await (await place.run('acme')).stop()
    expect((await mails()).length).toBe(before)
    expect((await place.json<User>('get', 'user', 'alice')).status?.state).toBe('Invited')
  })

  it('turns a second controller on one store away in one line', async () => {
    const { place } = await acme()
    await using _ = place
    const running = await place.run('acme')
    const { code, err } = await place.roster(
      'run',
      'acme',
      '--listen',
      '127.0.0.1:0',
      '--ops-listen',
      '127.0.0.1:0',
      '--public-url',
      place.url,
    )
    expect(err).toMatch(/^roster: the store .* is in use by another roster .*\n$/)
    expect(code).toBe(2)
    await running.stop()
  }, 60_000)
})
