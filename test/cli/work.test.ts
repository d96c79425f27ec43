import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { activeGrants } from '../../src/decide/membership.ts'
import { membershipName } from '../../src/decide/record-names.ts'
import { ACME, acmePlace, type Place, steady } from './command-line.ts'

let base: Place
beforeAll(async () => {
  base = await acmePlace()
  for (const address of ['alice@acme.example', 'bob@acme.example', 'carol@partner.example']) await base.accept(address)
  await base.settle()
})
afterAll(() => base[Symbol.dispose]())

const invitationOf = (place: Place, address: string) =>
  place.withStore(async store => (await store.list('Invitation')).items.filter(({ spec }) => spec.email === address))

describe('invite', () => {
  test('makes an invitation under the own manager, and says that a controller has to run', async () => {
    using acme = base.copy()
    const { code, out, err } = await acme.run(
      ...['invite', 'new@partner.example', '--org', 'acme', '--roles', 'viewer, billing', '-m', 'Welcome!'],
    )
    expect(code).toBe(0)
    expect(out).toMatch(/^new@partner\.example: written as invitation\/new-[a-z2-7]{10}\n$/)
    expect(err).toContain('No controller runs on this store')
    expect(err).toMatch(/\d+ of 50 invitations left in these 24 hours/)
    const [made] = await invitationOf(acme, 'new@partner.example')
    expect(made?.spec).toEqual({
      email: 'new@partner.example',
      organization: 'acme',
      roles: ['viewer', 'billing'],
      message: 'Welcome!',
    })
    const owners = await acme.withStore(store => store.owners({ kind: 'Invitation', name: made?.metadata.name ?? '' }))
    expect(owners.find(({ field }) => field === 'spec.email')?.manager).toMatch(/^local\//)
    expect((await acme.run('audit', '--action', 'invitation.create')).out).toContain('invitation.create')
  })

  test('goes out with the next pass, and is told by name where it stands', async () => {
    using acme = base.copy()
    await acme.run('invite', 'new@partner.example', '--org', 'acme')
    await acme.settle()
    const [made] = await invitationOf(acme, 'new@partner.example')
    expect(made?.status).toMatchObject({ state: 'Pending', attempt: 1 })
  })

  test('who is invited already is not invited again: a no that names the way', async () => {
    using acme = base.copy()
    const { code, out, err } = await acme.run('invite', 'eve@acme.example', 'fresh@partner.example', '--org', 'acme')
    expect(code).toBe(1)
    expect(err).toContain('`roster resend eve@acme.example` sends a new link')
    expect(out).toContain('fresh@partner.example: written')
    expect(await invitationOf(acme, 'eve@acme.example')).toHaveLength(1)
  })

  test('one that is wrong stops all: nothing is written', async () => {
    using acme = base.copy()
    for (const [args, says] of [
      [['good@x.example', 'bad@@x', '--org', 'acme'], '"bad@@x" is not one mail address'],
      [['good@x.example', 'a@x.example,b@x.example', '--org', 'acme'], 'is not one mail address'],
      [['good@x.example', '--org', 'acme', '--roles', 'viewr'], 'did you mean "viewer"?'],
      [['good@x.example', '--org', 'acm'], 'did you mean "acme"?'],
      [['good@x.example', '--org', 'acme', '--valid-for', '1000h'], 'must be between 1m and 720h'],
      [['good@x.example', '--org', 'acme', '--locale', 'German'], ''],
      [['good@x.example', 'also@x.example', '--org', 'acme', '--given-name', 'Jo'], '--given-name is for one address'],
      [['good@x.example'], "required option '--org <organization>'"],
    ] as const) {
      const { code, err } = await acme.run('invite', ...args)
      expect([code, err]).toEqual([2, expect.stringContaining(says)])
    }
    expect(await invitationOf(acme, 'good@x.example')).toEqual([])
  })

  test('over the limit, says when the mail may go', async () => {
    using acme = base.copy()
    const addresses = Array.from({ length: 51 }, (_, at) => `p${at}@many.example`)
    const { code, out } = await acme.run('invite', ...addresses, '--org', 'acme')
    expect(code).toBe(0)
    expect(out).toContain('p0@many.example: written')
    expect(out.match(/by the limits/g)?.length).toBeGreaterThanOrEqual(1)
  })
})

describe('resend', () => {
  test('asks by a token under the own manager', async () => {
    using acme = base.copy()
    const { code, out } = await acme.run('resend', 'eve')
    expect([code, out]).toEqual([0, 'eve@acme.example: a new link to acme is on its way; the old one is dead\n'])
    await acme.settle()
    const [invitation] = await invitationOf(acme, 'eve@acme.example')
    expect(invitation?.status?.attempt).toBe(2)
  })

  test('who has joined needs no link: a no', async () => {
    const { code, err } = await base.run('resend', 'alice')
    expect([code, err]).toEqual([1, 'alice@acme.example in acme: has joined already\n'])
  })

  test('no expired ones is fine; nobody named is trouble', async () => {
    expect(await base.run('resend', '--expired')).toEqual({ code: 0, out: '', err: 'No link has expired.\n' })
    expect((await base.run('resend')).code).toBe(2)
    expect((await base.run('resend', 'evee')).err).toContain('did you mean "eve"?')
  })
})

describe('revoke', () => {
  const grantsOf = (place: Place) =>
    place.withStore(async store => {
      const record = await store.get('Membership', membershipName('acme', 'carol@partner.example'))
      return record ? activeGrants(record.spec).map(({ roles }) => roles) : []
    })

  test('takes the role out of the grant, and the next pass out of the access', async () => {
    using acme = base.copy()
    const before = await acme.run('why', 'carol@partner.example', 'billing')
    expect(before.code).toBe(0)
    const { code, out } = await acme.run('revoke', 'carol@partner.example', 'billing', '--org', 'acme', '--yes')
    expect([code, out]).toEqual([0, 'carol@partner.example in acme: billing revoked\n'])
    expect(await grantsOf(acme)).toEqual([['viewer']])
    await acme.settle()
    expect((await acme.run('why', 'carol@partner.example', 'billing')).code).toBe(1)
    expect((await acme.run('why', 'carol@partner.example', 'viewer')).code).toBe(0)
    expect((await acme.run('audit', '--action', 'grant.revoke')).out).toContain('Membership/carol@partner.example')
  })

  test('asks first: no answer changes nothing', async () => {
    using acme = base.copy()
    const args = ['revoke', 'carol@partner.example', 'billing', '--org', 'acme']
    const script = await acme.run(...args)
    expect([script.code, script.err]).toEqual([2, expect.stringContaining('say --yes')])
    expect((await acme.runWith({ answer: 'n' }, ...args)).code).toBe(1)
    expect(await grantsOf(acme)).toEqual([['billing', 'viewer']])
    expect((await acme.runWith({ answer: 'y' }, ...args)).code).toBe(0)
    expect(await grantsOf(acme)).toEqual([['viewer']])
  })

  test('a declared role is a no, with the file to edit', async () => {
    const { code, err } = await base.run('revoke', 'alice', 'editor', '--org', 'acme', '--yes')
    expect(code).toBe(1)
    expect(err).toContain('take editor out of the roles of acme in people/users/alice.yaml:2')
  })
})

describe('pause, resume and reconcile', () => {
  test('pause stops and resume goes on; twice is said and is fine', async () => {
    using acme = base.copy()
    expect((await acme.run('pause', 'user/eve')).out).toBe('user/eve is paused; `roster resume user/eve` goes on\n')
    expect((await acme.run('pause', 'user', 'eve@acme.example')).out).toBe('user/eve is paused already\n')
    await acme.settle()
    expect((await acme.run('wait', 'user/eve', '--for', 'condition=Ready')).code).toBe(0)
    expect((await acme.run('describe', 'user/eve')).out).toContain('Paused')
    expect((await acme.run('resume', 'user/eve')).out).toBe('user/eve goes on\n')
    expect((await acme.run('resume', 'user/eve')).out).toBe('user/eve is not paused\n')
  })

  test('reconcile leaves a token, another one each time', async () => {
    using acme = base.copy()
    const token = () =>
      acme.withStore(async store => (await store.get('User', 'eve'))?.metadata.annotations?.['roster.dev/requestedAt'])
    expect((await acme.run('reconcile', 'user/eve')).code).toBe(0)
    const first = await token()
    await acme.run('reconcile', 'user/eve')
    expect(first).toBeDefined()
    expect(await token()).not.toBe(first)
  })

  test('what is not there, and records, are trouble', async () => {
    expect((await base.run('pause', 'user/evee')).err).toContain('did you mean "eve"?')
    expect((await base.run('reconcile', 'membership/x')).err).toContain('is a record')
  })
})

describe('delete', () => {
  test('says first what it takes away, and deletes only after yes', async () => {
    using acme = base.copy()
    await acme.run('invite', 'new@partner.example', '--org', 'acme', '--roles', 'billing')
    await acme.settle()
    const [made] = await invitationOf(acme, 'new@partner.example')
    const name = `invitation/${made?.metadata.name}`
    const script = await acme.run('delete', name)
    expect([script.code, script.err]).toEqual([2, expect.stringContaining('say --yes')])
    expect(script.err).toContain('! the link in the mail to new@partner.example stops working')
    expect((await acme.runWith({ answer: '' }, 'delete', name)).code).toBe(1)
    expect(await invitationOf(acme, 'new@partner.example')).toHaveLength(1)
    expect((await acme.run('delete', name, '--yes')).code).toBe(0)
    await acme.settle()
    expect(await invitationOf(acme, 'new@partner.example')).toEqual([])
  })

  test('a person who would lose access is in the plan of it', async () => {
    using acme = base.copy()
    const { code, out } = await acme.run('delete', 'user', 'alice', '--dry-run')
    expect(code).toBe(0)
    await expect(steady(out)).toMatchFileSnapshot('golden/delete-alice.txt')
  })

  test('the last admin of an organization is named', async () => {
    const { out } = await base.run('delete', 'user', 'bob', '--dry-run')
    expect(out).toContain('! bob is the last admin of acme: nobody is left who may manage its people')
    expect((await base.run('delete', 'user', 'alice', '--dry-run')).out).not.toContain('last admin')
  })

  test('a role says which open invitations carry it', async () => {
    const { out } = await base.run('delete', 'role', 'editor', '--dry-run')
    expect(out).toMatch(/! open invitations carry it: .*eve@acme\.example/)
  })

  test('what Roster made is refused with the declaration behind it, and so is a record', async () => {
    const [made] = await invitationOf(base, 'eve@acme.example')
    const refused = await base.run('delete', `inv/${made?.metadata.name}`, '--yes')
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('declared in people/people.csv:2')])
    expect((await base.run('delete', 'membership', 'x', '--yes')).code).toBe(2)
  })

  test('what a source declares is refused with file and line', async () => {
    using acme = base.copy()
    await acme.withStore(store =>
      store.create(
        { kind: 'Source', metadata: { name: 'default' }, spec: { folder: { path: `${acme.folder}/${ACME}` } } },
        { manager: 'local/test' },
      ),
    )
    const { code, err } = await acme.run('delete', 'user', 'eve', '--yes')
    expect([code, err]).toEqual([
      2,
      'roster: User/eve is declared in people/people.csv:2 by source default, which would make it again; take it out there\n',
    ])
  })
})

describe('sign-in-link', () => {
  test('is printed alone on stdout, works ten minutes, and is audited without the link', async () => {
    using acme = base.copy()
    const { code, out, err } = await acme.run('sign-in-link', 'bob')
    expect(code).toBe(0)
    expect(out).toMatch(/^http:\/\/127\.0\.0\.1:8080\/sign-in-links\/[A-Za-z0-9_-]{43}\n$/)
    expect(err).toContain('Signs in as bob@acme.example, once, until')
    const { out: trail } = await acme.run('audit', '--action', 'account.signInLink', '-o', 'json')
    expect(JSON.parse(trail).lines).toHaveLength(1)
    expect(trail).not.toContain(out.trim().split('/').at(-1))
  })

  test('leads to the portal that the store is bound to', async () => {
    using acme = base.copy()
    await acme.run('apply', ACME, '--public-url', 'https://people.acme.example', '--rebind')
    expect((await acme.run('sign-in-link', 'bob')).out).toMatch(/^https:\/\/people\.acme\.example\/sign-in-links\//)
  })

  test('is not for who has not joined, and not for nobody', async () => {
    expect((await base.run('sign-in-link', 'eve')).err).toContain('has not joined any organization')
    expect((await base.run('sign-in-link', 'nobody')).code).toBe(2)
  })
})

describe('freeze and unfreeze', () => {
  test('stop mail for all below, through a settling loop, and let it go on', async () => {
    using acme = base.copy()
    const { code, out } = await acme.run('freeze', 'acme')
    expect(code).toBe(0)
    expect(out).toContain('acme is frozen: no mail leaves')
    await acme.run('invite', 'new@partner.example', '--org', 'acme')
    await acme.settle()
    const [waiting] = await invitationOf(acme, 'new@partner.example')
    expect(waiting?.status?.state).toBe('Queued')
    expect((await acme.run('get', 'organizations')).out).toMatch(/^acme .*Frozen/m)
    expect((await acme.run('why', 'new@partner.example')).out).toContain(
      'the invitation has not been sent yet: organization acme is frozen',
    )
    expect((await acme.run('describe', 'organization', 'acme')).out).toMatch(/frozen by local\//)
    expect((await acme.run('audit', '--action', 'organization.freeze')).out).toContain('organization.freeze')
    expect(JSON.parse((await acme.run('freeze', '-o', 'json')).out)).toEqual({
      organizations: [{ organization: 'acme', changed: false, frozen: true, below: [] }],
    })

    expect((await acme.run('unfreeze', 'acme')).out).toContain('acme goes on')
    await acme.settle()
    const [sent] = await invitationOf(acme, 'new@partner.example')
    expect(sent?.status).toMatchObject({ state: 'Pending', attempt: 1 })
  })

  test('a plan says which mails wait, and that a manifest ends nothing', async () => {
    using acme = base.copy()
    await acme.run('freeze')
    await writeFile(
      join(acme.folder, ACME, 'zoe.yaml'),
      'apiVersion: roster.dev/v1alpha1\nkind: User\nmetadata: {name: zoe}\nspec: {email: zoe@acme.example, memberships: [{organization: acme}]}\n',
    )
    const file = join(acme.folder, ACME, 'organization.yaml')
    await writeFile(file, (await readFile(file, 'utf8')).replace('spec:', 'spec:\n  frozen: false'))
    const { out } = await acme.run('plan', ACME)
    expect(out).toMatch(/organization acme is frozen: no mail leaves until `roster unfreeze acme`; 1 mail waits/)
    expect(out).toMatch(/local\/\S+ has frozen acme, and `frozen: false` does not end that/)
    const applied = await acme.run('apply', ACME, '--rebind')
    expect(applied.out + applied.err).toContain('it stays frozen until `roster unfreeze acme`')
    expect(await acme.withStore(async store => (await store.get('Organization', 'acme'))?.spec.frozen)).toBe(true)
  })

  test('a manifest that froze it is named, and its word stays', async () => {
    using acme = base.copy()
    const file = join(acme.folder, ACME, 'organization.yaml')
    await writeFile(file, (await readFile(file, 'utf8')).replace('spec:', 'spec:\n  frozen: true'))
    await acme.settle()
    const { code, out } = await acme.run('unfreeze', 'acme')
    expect(code).toBe(1)
    expect(out).toMatch(/acme is frozen in its manifest, people\/organization\.yaml:\d+, which source\/default applies/)
    expect((await acme.run('freeze', 'nobody')).code).toBe(2)
  })
})
