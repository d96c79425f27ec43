/**
 * Another process on a store: `node process.ts write|hold|create FOLDER [NAME]`. Each line it prints is one fact, printed after the store acknowledged it.
 */
import { systemClock } from '../../../src/app/system-clock.ts'
import { openEmbeddedStore } from '../../../src/store/embedded/store.ts'
import { LeaseLostError } from '../../../src/store/errors.ts'
import { accountSpec, LEASE_DURATION, userSpec } from './specs.ts'

const [, , verb, folder = '', name = 'x'] = process.argv
const store = await openEmbeddedStore({ folder, clock: systemClock(), leaseDuration: LEASE_DURATION })
const say = (line: string) => new Promise<void>(resolve => process.stdout.write(`${line}\n`, () => resolve()))
const by = { manager: `local/${name}` }

/** Makes and changes objects without end: specs and records, statuses, deletions, several at once. */
const write = async () => {
  const account = await store.create(
    { kind: 'Account', metadata: { name: `a-${name}` }, spec: accountSpec(name, 0) },
    by,
  )
  let { resourceVersion } = account.metadata
  for (let at = 1; ; at++) {
    const user = { kind: 'User' as const, name: `${name}-${at}` }
    const [created, replaced] = await Promise.all([
      store.create({ kind: 'User', metadata: { name: user.name }, spec: userSpec(user.name) }, by),
      store.replace(
        { kind: 'Account', name: `a-${name}`, spec: accountSpec(name, at) },
        { ifVersion: resourceVersion },
      ),
    ])
    resourceVersion = replaced.metadata.resourceVersion
    await say(`written ${at}`)
    await store.patchStatus(user, { state: 'Active' }, { ifUid: created.metadata.uid })
    await say(`status ${at}`)
    if (at % 5 !== 0) continue
    await store.delete(user)
    await say(`deleted ${at}`)
  }
}

/** Holds the lease and writes through it until it is lost. */
const hold = async () => {
  const held = await store.lease.acquire({ holder: name, signal: new AbortController().signal })
  await say(`held ${held.epoch}`)
  for (let at = 1; ; at++) {
    try {
      await held.store.create(
        { kind: 'User', metadata: { name: `${name}-${at}` }, spec: userSpec(`${name}-${at}`) },
        by,
      )
      await say(`wrote ${at}`)
      await new Promise(resolve => setTimeout(resolve, 10))
    } catch (error) {
      if (!(error instanceof LeaseLostError)) throw error
      await say(`lost ${held.lost.aborted}`)
      break
    }
  }
}

/** Makes one object when a line comes in. */
const create = async () => {
  await say('ready')
  process.stdin.once('data', async () => {
    await store.create({ kind: 'User', metadata: { name }, spec: userSpec(name) }, by)
    await say('created')
    process.stdin.destroy()
  })
}

if (verb === 'write') await write()
else if (verb === 'hold') await hold()
else if (verb === 'create') await create()
else throw new Error(`unknown verb ${verb}`)
