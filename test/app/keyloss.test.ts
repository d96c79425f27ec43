import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { backUp, restoreBackup } from '../../src/app/backing-up.ts'
import { acceptKeyLoss, planKeyLoss } from '../../src/app/keyloss.ts'
import { openRealm } from '../../src/app/openrealm.ts'
import type { Realm } from '../../src/app/realm.ts'
import { KeysLostError } from '../../src/app/realmkeys.ts'
import { resolveSettings } from '../../src/app/settings.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roster-keyloss-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** Opens the data folder, acts, and closes it again: one life of a process. */
const life = async <T>(act: (realm: Realm) => Promise<T>, flags: Record<string, unknown> = {}): Promise<T> => {
  const { settings } = resolveSettings({
    flags: { data: join(folder, 'data'), ...flags },
    environment: {},
    cwd: folder,
  })
  await using realm = await openRealm({ settings, environment: {}, create: true })
  return await act(realm)
}
const keyFolder = () => join(folder, 'data', 'keys')
const linkKey = (realm: Realm) => realm.keys().then(keys => keys.signing('link').secret.toString('hex'))
const refused = async (flags: Record<string, unknown> = {}): Promise<KeysLostError> => {
  const error = await life(realm => realm.keys(), flags).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(KeysLostError)
  return error as KeysLostError
}

describe('keys of a realm', () => {
  it('that are gone are not made anew, and what is missing is named; put back, they are as before', async () => {
    const before = await life(linkKey)
    await cp(keyFolder(), join(folder, 'copy'), { recursive: true })
    await rm(keyFolder(), { recursive: true })
    const { message, remedy } = await refused()
    for (const name of ['link.1', 'form.1', 'fingerprint.1']) expect(message).toContain(`${name} is missing`)
    expect(remedy).toContain('roster accept-loss keys')
    expect(await readdir(join(folder, 'data'))).not.toContain('keys')
    await cp(join(folder, 'copy'), keyFolder(), { recursive: true })
    expect(await life(linkKey)).toBe(before)
  })

  it('of which one is gone, or is another one, are refused by its name', async () => {
    await life(linkKey)
    await rm(join(keyFolder(), 'fingerprint.1'))
    expect((await refused()).lost).toEqual([{ name: 'fingerprint.1', purpose: 'fingerprint', how: 'missing' }])
    await writeFile(join(keyFolder(), 'fingerprint.1'), `${Buffer.alloc(32, 7).toString('base64url')}\n`, {
      mode: 0o600,
    })
    expect((await refused()).message).toContain('fingerprint.1 is another one')
  })

  it('that were noted nowhere, as those of an older release, are noted at the next start', async () => {
    const before = await life(linkKey)
    await life(realm => realm.store.mark(() => ({})))
    expect(await life(linkKey)).toBe(before)
    await rm(keyFolder(), { recursive: true })
    await refused()
  })

  it('are new in a restored store, which remembers nothing of those of before', async () => {
    const before = await life(linkKey)
    const file = join(folder, 'backup.tar')
    await backUp(join(folder, 'data'), file, new Date().toISOString())
    await restoreBackup(file, join(folder, 'again'))
    const after = await life(linkKey, { data: join(folder, 'again') })
    expect(after).not.toBe(before)
    // The old ones brought along, as for licence keys that were given, are as good.
    await restoreBackup(file, join(folder, 'third'))
    await cp(keyFolder(), join(folder, 'third', 'keys'), { recursive: true })
    expect(await life(linkKey, { data: join(folder, 'third') })).toBe(before)
  })

  it('are told by nothing that is noted of them', async () => {
    const { marks, secrets } = await life(async realm => {
      const keys = await realm.keys()
      const secrets = (['link', 'form', 'fingerprint'] as const).map(purpose => keys.signing(purpose).secret)
      return { marks: JSON.stringify(await realm.store.marks()), secrets }
    })
    for (const secret of secrets)
      for (const encoding of ['base64url', 'base64', 'hex'] as const)
        expect(marks).not.toContain(secret.toString(encoding).slice(0, 16))
  })

  it('stay those of the process for as long as it lives', async () => {
    await life(async realm => {
      const before = await linkKey(realm)
      await rm(keyFolder(), { recursive: true })
      expect(await linkKey(realm)).toBe(before)
      expect((await realm.lostKeys()).map(({ name }) => name)).toEqual(['link.1', 'form.1', 'fingerprint.1'])
    })
  })

  it('that somebody else provides are the ones of before, or are refused', async () => {
    const before = await life(linkKey)
    await cp(keyFolder(), join(folder, 'mounted'), { recursive: true })
    expect(await life(linkKey, { keys: join(folder, 'mounted') })).toBe(before)
    await writeFile(join(folder, 'mounted', 'link.1'), Buffer.alloc(32, 9).toString('base64url'), { mode: 0o600 })
    expect((await refused({ keys: join(folder, 'mounted') })).message).toContain(
      `gone from ${join(folder, 'mounted')}: link.1 is another one`,
    )
    expect((await refused({ keys: join(folder, 'nowhere') })).message).toContain('link.1 is missing')
  })
})

describe('the loss of keys', () => {
  it('is nothing where all are there', async () => {
    await life(linkKey)
    expect(await life(planKeyLoss)).toEqual({ lost: [], dies: [] })
  })

  it('is accepted with what dies named: new keys are made and guarded from then on, and it is in the audit trail', async () => {
    const before = await life(linkKey)
    await rm(keyFolder(), { recursive: true })
    await life(async realm => {
      const loss = await planKeyLoss(realm)
      expect(loss.dies.map(({ what, count }) => [what, count])).toEqual([
        ['links in mails that are open', 0],
        ['pages that are open in a browser', undefined],
        ['the memory of which licence keys were given', 0],
      ])
      await acceptKeyLoss(realm, loss)
    })
    const audit = join(folder, 'data', 'audit')
    const [file = ''] = (await readdir(audit)).filter(name => name.endsWith('.jsonl'))
    const lines = (await readFile(join(audit, file), 'utf8')).split('\n').filter(line => line.includes('keys.accept'))
    expect(lines.map(line => JSON.parse(line).phase)).toEqual(['intent', 'result'])
    const after = await life(linkKey)
    expect(after).not.toBe(before)
    await rm(join(keyFolder(), 'link.1'))
    expect((await refused()).message).toContain('link.1 is missing')
  })

  it('is not accepted while a controller runs, which still has them', async () => {
    await life(linkKey)
    await rm(keyFolder(), { recursive: true })
    await life(async realm => {
      const held = await realm.store.lease.acquire({ holder: 'host/1', signal: new AbortController().signal })
      await expect(acceptKeyLoss(realm, await planKeyLoss(realm))).rejects.toThrow('a controller runs here (host/1)')
      await held.release()
    })
    await refused()
  })
})
