import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { secretReader } from '../../src/app/secrets.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roster-secrets-'))
  await mkdir(join(folder, 'git'))
  await writeFile(join(folder, 'git', 'token'), 'canary\n')
})
afterEach(() => rm(folder, { recursive: true }))

describe('secret', () => {
  it('is given to nobody while it names no audience', async () => {
    await expect(
      secretReader({ folder, environment: {} }).read({ name: 'git', key: 'token' }, 'source/people'),
    ).rejects.toMatchObject({ reason: 'SecretAudience' })
  })
  it('is given to the audience it names, with its hosts', async () => {
    await writeFile(join(folder, 'git', '.used-by'), 'source/people\nsource/more\n')
    await writeFile(join(folder, 'git', '.hosts'), 'git.example\n')
    const secret = await secretReader({ folder, environment: {} }).read({ name: 'git', key: 'token' }, 'source/more')
    expect(secret).toMatchObject({ value: 'canary', hosts: ['git.example'] })
    expect(JSON.stringify({ secret })).not.toContain('canary')
  })
  it('comes from the environment too', async () => {
    const environment = {
      ROSTER_SECRET_GIT_EU__TOKEN: 'canary',
      ROSTER_SECRET_GIT_EU__USED_BY: 'source/people',
      ROSTER_SECRET_GIT_EU__HOSTS: 'a.example b.example',
    }
    expect(await secretReader({ environment }).read({ name: 'git-eu', key: 'token' }, 'source/people')).toMatchObject({
      value: 'canary',
      hosts: ['a.example', 'b.example'],
    })
  })
  it('given twice is an error', async () => {
    const environment = { ROSTER_SECRET_GIT__TOKEN: 'other', ROSTER_SECRET_GIT__USED_BY: 'source/people' }
    await expect(
      secretReader({ folder, environment }).read({ name: 'git', key: 'token' }, 'source/people'),
    ).rejects.toThrow('given twice')
  })
  it("of the controller's own needs no audience, and is for the controller alone", async () => {
    const secrets = secretReader({ folder, environment: {}, own: ['git'] })
    const secret = await secrets.read({ name: 'git', key: 'token' }, 'git')
    expect(secret).toMatchObject({ value: 'canary', hosts: [] })
    expect(JSON.stringify({ secret })).not.toContain('canary')
    for (const audience of ['licensepool/suite', 'source/people', 'smtp'])
      await expect(secrets.read({ name: 'git', key: 'token' }, audience)).rejects.toMatchObject({
        reason: 'SecretAudience',
      })
  })
  it('is not found in a variable whose name could be read in two ways', async () => {
    const environment = {
      ROSTER_SECRET_A__B__TOKEN: 'canary',
      ROSTER_SECRET_A__USED_BY: 'source/people',
      ROSTER_SECRET_A__B__USED_BY: 'source/payroll',
    }
    for (const ref of [
      { name: 'a', key: 'b--token' },
      { name: 'a', key: 'b__token' },
      { name: 'a--b', key: 'token' },
    ])
      await expect(secretReader({ environment }).read(ref, 'source/people')).rejects.toMatchObject({
        reason: 'SecretNotFound',
      })
  })
  it.each(['..', '../git', 'a/b', ''])('name %j is refused', async name => {
    await expect(
      secretReader({ folder, environment: {} }).read({ name, key: 'token' }, 'source/people'),
    ).rejects.toMatchObject({ reason: 'SecretNotFound' })
  })
  it('that is a link out of the folder is refused', async () => {
    await symlink('/etc/hostname', join(folder, 'git', 'out'))
    await expect(
      secretReader({ folder, environment: {}, own: ['git'] }).read({ name: 'git', key: 'out' }, 'git'),
    ).rejects.toThrow('link out of the folder')
  })
  it('that is missing says where to put it', async () => {
    await expect(
      secretReader({ folder, environment: {} }).read({ name: 'smtp', key: 'password' }, 'x'),
    ).rejects.toThrow('ROSTER_SECRET_SMTP__PASSWORD')
  })
})
