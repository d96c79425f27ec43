import { describe, expect, it } from 'vitest'
import { createPasswords, PasswordsBusyError, passwordProblem } from '../../src/accounts/password.ts'

const cheap = { memory: 8, passes: 1, parallelism: 1 }

describe('a password', () => {
  it('is kept as argon2id in the PHC format, with the cost that OWASP asks for', async () => {
    const passwords = createPasswords()
    const hash = await passwords.hash('a long walk by the sea')
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    expect(await passwords.verify('a long walk by the sea', hash)).toEqual({ right: true, stale: false })
    expect(await passwords.verify('a long walk by the Sea', hash)).toEqual({ right: false, stale: false })
    expect(await passwords.hash('a long walk by the sea')).not.toBe(hash)
  })

  it('agrees with a test vector of the reference implementation', async () => {
    // phc-winner-argon2, src/test.c: argon2id, version 0x13, t=2, m=2^16, p=1.
    const hash = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
    expect(await createPasswords().verify('password', hash)).toEqual({ right: true, stale: true })
  })

  it('is the same in composed and decomposed letters', async () => {
    const passwords = createPasswords({ cost: cheap })
    expect((await passwords.verify('Gru\u0308n und blau', await passwords.hash('Gr\u00fcn und blau'))).right).toBe(true)
  })

  it('hashed at another cost is right, and to be hashed anew', async () => {
    const hash = await createPasswords({ cost: cheap }).hash('a long walk by the sea')
    expect(await createPasswords({ cost: { ...cheap, passes: 2 } }).verify('a long walk by the sea', hash)).toEqual({
      right: true,
      stale: true,
    })
  })

  it('is never right against no hash, or one that cannot be read', async () => {
    const passwords = createPasswords({ cost: cheap })
    for (const hash of [undefined, '', 'x', '$argon2id$v=19$m=8,t=1,p=1$$', '$2b$12$abcdefghijklmnopqrstuv'])
      expect(await passwords.verify('', hash)).toEqual({ right: false, stale: false })
  })

  it('is worked on like any other where there is no hash', async () => {
    const passwords = createPasswords({ cost: cheap, concurrency: 1, mostWaiting: 1 })
    const inHand = [passwords.hash('one'), passwords.hash('two')]
    await expect(passwords.verify('three', undefined)).rejects.toThrow(PasswordsBusyError)
    await Promise.all(inHand)
  })

  it('waits in a line that has an end', async () => {
    const passwords = createPasswords({ cost: cheap, concurrency: 1, mostWaiting: 5 })
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => passwords.hash('a long walk by the sea')))
    const refused = results.filter(result => result.status === 'rejected')
    expect(refused.length).toBe(14)
    expect(refused.every(({ reason }) => reason instanceof PasswordsBusyError)).toBe(true)
    await expect(passwords.hash('and now again')).resolves.toBeDefined()
  })
})

describe('a new password', () => {
  const own = ['alice.smith@acme.example', 'acme', 'Acme GmbH', 'CloudHub']
  it.each<[string, ReturnType<typeof passwordProblem>]>([
    ['a long walk by the sea', undefined],
    ['correct horse battery', undefined],
    ['kX9#tr2v', undefined],
    ['日本語日本語のパスワード', undefined],
    ['short12', 'TooShort'],
    ['👍👍👍👍👍👍👍', 'TooShort'],
    ['x'.repeat(257), 'TooLong'],
    ['x1'.repeat(128), undefined],
    ['password', 'Common'],
    ['PassWord2026!', 'Common'],
    ['ｐａｓｓｗｏｒｄ', 'Common'],
    ['12345678', 'Common'],
    ['aaaaaaaaaaaa', 'Common'],
    ['abcdefghij', 'Common'],
    ['qwertz123', 'Common'],
    ['alice.smith', 'TooClose'],
    ['alice.smith@acme.example', 'TooClose'],
    ['CloudHub1!', 'TooClose'],
    ['alice likes the mountains', undefined],
  ])('%j: %s', (password, problem) => {
    expect(passwordProblem(password, own)).toBe(problem)
  })
})
