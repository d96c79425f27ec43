import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { KeyFileError, openKeys, openMountedKeys, rotateKey, storedFingerprint } from '../../src/accounts/keys.ts'
import { testFolder } from './folder.ts'

describe('keys', () => {
  it('are made at the first use, for nobody else to read, and are the same afterwards', () => {
    const folder = join(testFolder(), 'keys')
    const keys = openKeys(folder)
    expect(readdirSync(folder).sort()).toEqual(['fingerprint.1', 'form.1', 'link.1'])
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    for (const file of readdirSync(folder)) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600)
    expect(openKeys(folder).signing('link').secret).toEqual(keys.signing('link').secret)
    expect(keys.signing('link').secret).not.toEqual(keys.signing('form').secret)
    expect(keys.signing('link').secret).toHaveLength(32)
  })

  it('sign with the newest and verify with the two newest', () => {
    const folder = testFolder()
    const first = openKeys(folder).signing('link')
    expect(rotateKey(folder, 'link')).toBe('2')
    const second = openKeys(folder)
    expect(second.signing('link').kid).toBe('2')
    expect(second.verifying('link', '1')?.secret).toEqual(first.secret)
    rotateKey(folder, 'link')
    const third = openKeys(folder)
    expect(third.signing('link').kid).toBe('3')
    expect(third.verifying('link', '2')).toBeDefined()
    expect(third.verifying('link', '1')).toBeUndefined()
    expect(third.verifying('form', '1')).toBeDefined()
  })

  it('of ten and more are told apart by number, not by spelling', () => {
    const folder = testFolder()
    openKeys(folder)
    for (let kid = 2; kid <= 11; kid++) rotateKey(folder, 'form')
    expect(openKeys(folder).signing('form').kid).toBe('11')
  })

  it('keep a key that another process made first', () => {
    const folder = testFolder()
    const ours = openKeys(folder).signing('link').secret
    let calls = 0
    // The second process sees no key, and finds one when it wants to put its own there.
    const theirs = openKeys(folder, size => Buffer.alloc(size, ++calls)).signing('link').secret
    expect(theirs).toEqual(ours)
    expect(readdirSync(folder).filter(name => name.startsWith('.'))).toEqual([])
  })

  it('that others may read are refused, with what to do', () => {
    const folder = testFolder()
    openKeys(folder)
    chmodSync(join(folder, 'link.1'), 0o644)
    expect(() => openKeys(folder)).toThrow(KeyFileError)
    expect(() => openKeys(folder)).toThrow(/link\.1 may be read by others; chmod 600/)
  })

  it('that are cut short are refused', () => {
    const folder = testFolder()
    openKeys(folder)
    writeFileSync(join(folder, 'form.1'), 'abc\n', { mode: 0o600 })
    expect(() => openKeys(folder)).toThrow(/form\.1 holds no key/)
  })

  it('fingerprint equal licence keys alike, in this installation only', () => {
    const [here, there] = [testFolder(), testFolder()]
    const print = openKeys(here).fingerprint('AAAA-BBBB')
    expect(print).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(openKeys(here).fingerprint('AAAA-BBBB')).toBe(print)
    expect(openKeys(here).fingerprint('AAAA-BBBC')).not.toBe(print)
    expect(openKeys(there).fingerprint('AAAA-BBBB')).not.toBe(print)
  })

  it('that somebody else provides are read as a mounted Secret has them, and nothing is made', () => {
    const folder = testFolder()
    expect(() => openMountedKeys(folder)).toThrow(/holds no key link\.1; put 32 random bytes there/)
    expect(readdirSync(folder)).toEqual([])
    const data = join(folder, '..data')
    mkdirSync(data)
    for (const [number, purpose] of ['link', 'form', 'fingerprint', 'credentials'].entries()) {
      writeFileSync(join(data, `${purpose}.1`), Buffer.alloc(32, number).toString('base64url'), { mode: 0o440 })
      symlinkSync(join('..data', `${purpose}.1`), join(folder, `${purpose}.1`))
    }
    const keys = openMountedKeys(folder)
    expect(keys.signing('form').secret).toEqual(Buffer.alloc(32, 1))
    expect(keys.sealing).toEqual([{ kid: '1', secret: Buffer.alloc(32, 3) }])
    expect(storedFingerprint(folder)?.('key')).toBe(keys.fingerprint('key'))
    chmodSync(join(data, 'form.1'), 0o444)
    expect(() => openMountedKeys(folder)).toThrow(/form\.1 may be read by everybody; .*defaultMode: 0440/)
    chmodSync(join(data, 'form.1'), 0o600)
    writeFileSync(join(data, 'form.1'), 'half-a-key')
    // Nothing is made there: a text that promises a new key would have it removed in vain.
    expect(() => openMountedKeys(folder)).toThrow(/form\.1 holds no key; put the right one back/)
  })
})
