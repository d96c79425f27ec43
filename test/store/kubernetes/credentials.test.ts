import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Key } from '../../../src/accounts/keyring.ts'
import { openSecretKeys, storedSecretFingerprint } from '../../../src/accounts/keysecret.ts'
import { CredentialsTamperedError, secretCredentials } from '../../../src/accounts/secretcredentials.ts'
import type { SecretObjects } from '../../../src/ports/secretobjects.ts'
import { openKubernetesStore } from '../../../src/store/kubernetes/store.ts'
import { credentialStoreContract } from '../../contract/credentials.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { newNamespace } from '../../kube/crds.ts'
import { describeWith } from '../../parts.ts'

const KEYS: readonly Key[] = [{ kid: '1', secret: Buffer.alloc(32, 1) }]

describeWith('kube-apiserver', 'what is secret in Kubernetes', () => {
  let cluster: TestCluster
  const open: AsyncDisposable[] = []
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(async () => {
    for (const one of open) await one[Symbol.asyncDispose]()
    await cluster[Symbol.asyncDispose]()
  })

  /** As two replicas have them. */
  const replicas = async (): Promise<[SecretObjects, SecretObjects]> => {
    const namespace = await newNamespace(cluster)
    const both = await Promise.all(
      [1, 2].map(() => openKubernetesStore({ kubeconfig: cluster.kubeconfig, namespace, clock: Date })),
    )
    open.push(...both)
    const [first, second] = both.map(store => store.secrets())
    return [first as SecretObjects, second as SecretObjects]
  }

  credentialStoreContract('Secrets of a namespace', async () => {
    const [first, second] = (await replicas()).map(objects => secretCredentials({ objects, keys: KEYS }))
    if (!first || !second) throw new Error('two were asked for')
    return { first, second, close: async () => undefined }
  })

  const session = (hash: string, account = 'a-one') => ({
    hash,
    account,
    credentialVersion: 1,
    created: '2026-01-05T12:00:00Z',
    lastSeen: '2026-01-05T12:00:00Z',
    expires: '2026-01-05T13:00:00Z',
    storeEpoch: 1,
  })

  describe('credentials', () => {
    it('of one account are worth nothing under the name of another', async () => {
      const [objects] = await replicas()
      const credentials = secretCredentials({ objects, keys: KEYS })
      await credentials.insertPassword('a-one', 'argon2id$one')
      const one = await objects.get('a-one')
      expect(Buffer.from(one?.data['password'] ?? '').toString()).not.toContain('argon2')
      await objects.create('a-two', { password: one?.data['password'] ?? '' })
      await expect(credentials.passwordHash('a-two')).rejects.toThrow(CredentialsTamperedError)
      await expect(credentials.insertPassword('a-two', 'argon2id$two')).rejects.toThrow('was not sealed with a key')
      // Whoever is let in by an administrator may set a new one.
      await credentials.replacePassword('a-two', 'argon2id$new')
      expect(await credentials.passwordHash('a-two')).toBe('argon2id$new')
    })

    it('that another key sealed let nobody in, and say what to do', async () => {
      const [objects] = await replicas()
      const theirs = secretCredentials({ objects, keys: [{ kid: '1', secret: Buffer.alloc(32, 7) }] })
      await theirs.insertPassword('a-one', 'argon2id$one')
      await theirs.createSession(session('s1'))
      const ours = secretCredentials({ objects, keys: KEYS })
      await expect(ours.passwordHash('a-one')).rejects.toThrow(/Secret a-one .* sign-in-link/)
      expect(await ours.session('s1')).toBeUndefined()
    })

    it('stay readable when a newer key seals', async () => {
      const [objects] = await replicas()
      await secretCredentials({ objects, keys: KEYS }).insertPassword('a-one', 'hash')
      const newer = secretCredentials({ objects, keys: [...KEYS, { kid: '2', secret: Buffer.alloc(32, 2) }] })
      expect(await newer.passwordHash('a-one')).toBe('hash')
    })

    it('keep no more than 64 sessions of an account, and end the oldest', async () => {
      const [objects] = await replicas()
      const credentials = secretCredentials({ objects, keys: KEYS })
      for (let number = 0; number < 66; number++)
        await credentials.createSession({
          ...session(`s${number}`),
          expires: new Date(Date.parse('2026-01-05T13:00:00Z') + number).toISOString(),
        })
      expect(await credentials.session('s0')).toBeUndefined()
      expect(await credentials.session('s1')).toBeUndefined()
      expect(await credentials.session('s2')).toBeDefined()
      expect(await credentials.endSessions('a-one')).toBe(64)
    }, 60_000)

    it('end every session that was made, however it met the end of all', async () => {
      const [a, b] = (await replicas()).map(objects => secretCredentials({ objects, keys: KEYS }))
      await Promise.all([
        ...Array.from({ length: 20 }, (_, number) => (number % 2 ? a : b)?.createSession(session(`s${number}`))),
        b?.endSessions('a-one'),
      ])
      await a?.endSessions('a-one')
      for (let number = 0; number < 20; number++) expect(await b?.session(`s${number}`)).toBeUndefined()
    }, 60_000)
  })

  describe('keys', () => {
    it('are made once in a Secret that is empty or missing, whoever is first, and read by all', async () => {
      const [first, second] = await replicas()
      expect(await storedSecretFingerprint({ objects: first, name: 'roster-keys' })).toBeUndefined()
      await first.create('roster-keys', {})
      const [a, b] = await Promise.all([first, second].map(objects => openSecretKeys({ objects, name: 'roster-keys' })))
      expect(a?.signing('link').secret).toEqual(b?.signing('link').secret)
      expect(a?.sealing).toEqual(b?.sealing)
      expect(a?.signing('form').secret).not.toEqual(a?.signing('link').secret)
      expect((await storedSecretFingerprint({ objects: second, name: 'roster-keys' }))?.('key')).toBe(
        a?.fingerprint('key'),
      )
      const missing = await openSecretKeys({ objects: first, name: 'other-keys' })
      expect(missing.sealing).toHaveLength(1)
    })

    it('that are there are never changed; the two newest verify', async () => {
      const [objects] = await replicas()
      const text = (byte: number) => Buffer.alloc(32, byte).toString('base64url')
      await objects.create('roster-keys', {
        'link.1': text(1),
        'link.2': `${text(2)}\n`,
        'link.10': text(10),
        note: 'x',
      })
      const keys = await openSecretKeys({ objects, name: 'roster-keys' })
      expect(keys.signing('link')).toEqual({ kid: '10', secret: Buffer.alloc(32, 10) })
      expect(keys.verifying('link', '2')).toBeDefined()
      expect(keys.verifying('link', '1')).toBeUndefined()
      expect(Buffer.from((await objects.get('roster-keys'))?.data['note'] ?? '').toString()).toBe('x')
    })

    it('that are none are refused, without being shown', async () => {
      const [objects] = await replicas()
      await objects.create('roster-keys', { 'link.1': 'half-a-key' })
      const refused = openSecretKeys({ objects, name: 'roster-keys' })
      await expect(refused).rejects.toThrow('holds no key under link.1')
      await expect(refused).rejects.not.toThrow('half-a-key')
    })
  })
})
