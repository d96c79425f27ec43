import PQueue from 'p-queue'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openKubernetesStore } from '../../../src/store/kubernetes/store.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { kindsOf, problemsOf, textOf } from '../../faults/describe.ts'
import { CRASHES, type Kind, TROUBLES } from '../../faults/disturbances.ts'
import { openPost } from '../../faults/post.ts'
import { STORIES, type Story } from '../../faults/stories.ts'
import { type Disturbance, type Told, tell } from '../../faults/telling.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { installCrds, newNamespace } from '../../kube/crds.ts'
import { describeWith } from '../../parts.ts'

/** Stories told at the same time, each in a namespace of its own: most of it is waiting for the server. */
const TOGETHER = 7
/** What a store can do to a realm; the others, and every place, are tested with the embedded store. */
const KINDS: readonly (readonly Kind[])[] = [CRASHES, TROUBLES.slice(0, 3)]

describeWith('kube-apiserver', 'a realm in a cluster, with faults', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster()
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  /** The server puts its own time on what it makes: the clocks of both begin there. */
  const clock = () => fakeClock(new Date().toISOString())
  /** As it ends in an embedded store, undisturbed. */
  const tellQuietly = async (story: Story): Promise<Told> => {
    await using post = await openPost()
    return await tell(story, {}, { post, clock: clock() })
  }
  const tellInCluster = async (story: Story, disturbance: Disturbance): Promise<Told> => {
    await using post = await openPost()
    await using store = await openKubernetesStore({
      kubeconfig: cluster.kubeconfig,
      namespace: await newNamespace(cluster),
      clock: { now: () => Date.now() },
    })
    return await tell(story, disturbance, { post, store, clock: clock() })
  }

  test('ends every story as an embedded store does undisturbed, when it dies or its store is in trouble, each time at another place', async () => {
    const wrong: string[] = []
    const line = new PQueue({ concurrency: TOGETHER })
    for (const [number, story] of STORIES.entries()) {
      const quiet = await tellQuietly(story)
      // Another kind, at another place, in each story.
      const possible = kindsOf(story, KINDS[number % KINDS.length] ?? [])
      const { name, at } = possible[number % possible.length] as Kind
      const places = at(quiet)
      const disturbance = places[Math.floor((((number + 1) * 0.618) % 1) * places.length)]
      if (!disturbance) continue
      void line.add(async () => {
        const told = await tellInCluster(story, disturbance)
        const problems = problemsOf(told, quiet, disturbance)
        if (problems.length > 0)
          wrong.push(`${story.name}, which ${name}: ${textOf(disturbance)}: ${problems.join('; ')}`)
      })
    }
    await line.onIdle()
    expect(wrong).toEqual([])
  }, 600_000)
})
