import { bindingText } from '../binding.ts'
import { BindingError, ConflictError, NoRealmError, StoreUnusableError } from '../errors.ts'
import { MARKS, type MarkTexts, marksOf, markTexts, sameMarks } from '../marks.ts'
import type { Binding, Marks } from '../store.ts'
import { randomId } from '../uid.ts'
import type { KubeClient, KubeRequest } from './client.ts'
import { ClusterUnreachableError, clusterError, StatusError } from './errors.ts'

/** The ConfigMap of a realm: its random id, its epoch, and what is bound. The chart makes it empty and keeps it, so that Roster needs no right to create any. */
export const REALM_NAME = 'roster-realm'

interface ConfigMap {
  metadata: { name: string; resourceVersion?: string; labels?: Record<string, string> }
  data?: Record<string, string>
}

export interface RealmFacts {
  realm: string
  epoch: number
  binding?: Binding
}

const TRIES = 10

const restoringError = (namespace: string): StoreUnusableError =>
  new StoreUnusableError(
    `the namespace ${namespace} is being restored from a backup, or a restore was cut off in it`,
    'run `roster restore` with the same backup again; it goes on where it was. To give it up: `roster uninstall`, then delete the namespace',
  )

/** A restore that is to begin, or to go on. */
export interface RestoreBeginning {
  /** Of the backup: the same one goes on. */
  backup: string
  /** The epoch becomes higher than this one. */
  after: number
  binding?: Binding | undefined
}

/** What a namespace knows of itself as a realm. Written by compare-and-swap. */
export class KubernetesRealm {
  readonly #client: KubeClient
  readonly #path: string
  readonly #create: boolean
  readonly #random: (bytes: number) => Uint8Array
  readonly #restoring: boolean
  /** The id that was told. */
  #told: string | undefined

  /**
   * @param options.create false: a realm that is not there is an error, and nothing is made
   * @param options.restoring true: also one that is being restored
   */
  constructor(
    client: KubeClient,
    options: { random: (bytes: number) => Uint8Array; create: boolean; restoring?: boolean },
  ) {
    this.#client = client
    this.#create = options.create
    this.#restoring = options.restoring ?? false
    this.#path = `/api/v1/namespaces/${encodeURIComponent(client.cluster.namespace)}/configmaps`
    this.#random = options.random
  }

  async facts(): Promise<RealmFacts> {
    const map = await this.#settled()
    this.#refuseRestoring(map)
    this.#told = map.data?.['realm']
    return factsOf(map)
  }

  /**
   * Whether the loop may be run here: not in a realm that is only half restored, and not by a process that still has the id of the one before.
   * @throws StoreUnusableError
   */
  async admit(): Promise<void> {
    if (this.#restoring) return
    const map = await this.#read().catch(error => Promise.reject(mapError(error)))
    if (!map) return
    this.#refuseRestoring(map)
    if (this.#told !== undefined && map.data?.['realm'] !== this.#told)
      throw new StoreUnusableError(
        `the realm in the namespace ${this.#client.cluster.namespace} was restored or made anew since this process started`,
        'start it again',
      )
  }

  /**
   * Marks a realm that holds nothing as being restored: a new id, a higher epoch. One that is marked for the same backup stays as it is.
   * @param empty asked before a new mark is set; @throws where something is there
   * @returns whether it goes on
   */
  async beginRestore(
    wanted: RestoreBeginning,
    empty: () => Promise<void>,
    send: <T>(request: KubeRequest) => Promise<T>,
  ): Promise<boolean> {
    const map = await this.#settled()
    const before = { ...map.data }
    if (before['restoring'] === wanted.backup) return true
    if (before['restoring'] !== undefined)
      throw new StoreUnusableError(
        `the namespace ${this.#client.cluster.namespace} is being restored from another backup`,
        'go on with that one; or `roster uninstall`, delete the namespace, and restore into a new one',
      )
    await empty()
    // What is remembered of keys and records is of the realm before, and nothing is left of that.
    for (const mark of MARKS) delete before[mark]
    const data = {
      ...(wanted.binding && { mail: wanted.binding.mail, publicUrl: wanted.binding.publicUrl }),
      ...before,
      realm: randomId(this.#random),
      epoch: String(Math.max(factsOf(map).epoch, wanted.after) + 1),
      restoring: wanted.backup,
    }
    await this.#put({ ...map, data }, send)
    return false
  }

  /** Takes the mark away: from now on the loop may run. What stays is that it was restored, until that is approved. */
  async finishRestore(
    restored: NonNullable<Marks['restored']>,
    send: <T>(request: KubeRequest) => Promise<T>,
  ): Promise<RealmFacts> {
    const map = await this.#settled()
    const { restoring: _, ...rest } = map.data ?? {}
    const text = markTexts({ restored }).restored
    const data = { ...rest, ...(text !== undefined && { restored: text }) }
    await this.#put({ ...map, data }, send)
    return factsOf({ ...map, data })
  }

  async #put(map: ConfigMap, send: <T>(request: KubeRequest) => Promise<T>): Promise<void> {
    await send({ method: 'PUT', path: `${this.#path}/${REALM_NAME}`, body: map }).catch(error => {
      throw mapError(error)
    })
  }

  #refuseRestoring({ data }: ConfigMap): void {
    if (data?.['restoring'] !== undefined && !this.#restoring) throw restoringError(this.#client.cluster.namespace)
  }

  /** @throws BindingError */
  async bind(binding: Binding, rebind: boolean, send: <T>(request: KubeRequest) => Promise<T>): Promise<Binding> {
    const wanted = { mail: binding.mail, publicUrl: binding.publicUrl }
    for (let tries = 1; ; tries++) {
      const map = await this.#settled()
      const bound = factsOf(map).binding
      if (bound?.mail === wanted.mail && bound.publicUrl === wanted.publicUrl) return wanted
      if (bound && !rebind) throw new BindingError(bindingText(bound, wanted))
      const data = { ...map.data, mail: wanted.mail, publicUrl: wanted.publicUrl }
      try {
        await send({ method: 'PUT', path: `${this.#path}/${REALM_NAME}`, body: { ...map, data } })
        return wanted
      } catch (error) {
        if (!isRace(error) || tries === TRIES) throw mapError(error)
      }
    }
  }

  async marks(): Promise<Marks> {
    return marksOf(textsOf(await this.#settled()), this.#name)
  }

  async mark(decide: (marks: Marks) => Marks, send: <T>(request: KubeRequest) => Promise<T>): Promise<Marks> {
    for (let tries = 1; ; tries++) {
      const map = await this.#settled()
      const before = textsOf(map)
      const marks = decide(marksOf(before, this.#name))
      const after = markTexts(marks)
      if (sameMarks(before, after)) return marks
      const kept = Object.entries({ ...map.data, ...after }).flatMap(([key, text]) =>
        text === undefined ? [] : [[key, text]],
      )
      try {
        await send({
          method: 'PUT',
          path: `${this.#path}/${REALM_NAME}`,
          body: { ...map, data: Object.fromEntries(kept) },
        })
        return marks
      } catch (error) {
        if (!isRace(error) || tries === TRIES) throw mapError(error)
      }
    }
  }

  get #name(): string {
    return `the ConfigMap ${REALM_NAME} in the namespace ${this.#client.cluster.namespace}`
  }

  /** The map, with an id: made by whoever is first. */
  async #settled(): Promise<ConfigMap> {
    for (let tries = 1; ; tries++) {
      try {
        const map = await this.#read()
        if (map?.data?.realm) return map
        if (!this.#create) {
          throw new NoRealmError(
            `the namespace ${this.#client.cluster.namespace} holds no realm`,
            'name the right one; `roster run` or `roster apply` makes a realm',
          )
        }
        const data = { ...map?.data, realm: randomId(this.#random), epoch: '1' }
        if (map) return await this.#send({ method: 'PUT', path: `${this.#path}/${REALM_NAME}`, body: { ...map, data } })
        const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: REALM_NAME, labels: LABELS }, data }
        return await this.#send({ method: 'POST', path: this.#path, body })
      } catch (error) {
        if (!isRace(error) || tries === TRIES) throw mapError(error)
      }
    }
  }

  async #read(): Promise<ConfigMap | undefined> {
    try {
      return await this.#send({ method: 'GET', path: `${this.#path}/${REALM_NAME}` })
    } catch (error) {
      if (error instanceof StatusError && error.code === 404) return undefined
      throw error
    }
  }

  async #send(request: KubeRequest): Promise<ConfigMap> {
    return (await this.#client.request<ConfigMap>(request)).body
  }
}

const LABELS = { 'app.kubernetes.io/managed-by': 'roster' }

const isRace = (error: unknown): boolean =>
  error instanceof ConflictError || (error instanceof StatusError && error.code === 409)

const mapError = (error: unknown): unknown => {
  if (!(error instanceof StatusError)) return error
  return error.code === 409
    ? new ClusterUnreachableError(`the ConfigMap ${REALM_NAME} cannot be written: others were first ${TRIES} times`)
    : clusterError(error)
}

const textsOf = ({ data = {} }: ConfigMap): MarkTexts => Object.fromEntries(MARKS.map(mark => [mark, data[mark]]))

const factsOf = ({ data = {} }: ConfigMap): RealmFacts => ({
  realm: data.realm ?? '',
  epoch: Number(data.epoch ?? 1),
  ...(data.mail !== undefined &&
    data.publicUrl !== undefined && { binding: { mail: data.mail, publicUrl: data.publicUrl } }),
})
