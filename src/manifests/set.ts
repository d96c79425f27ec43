import type { AnyManifest, AnyResource, ManifestOf } from '../api/kinds.ts'
import { DECLARED_KINDS, type DeclaredKind } from '../api/names.ts'
import { judgeAuthority, type SourceAuthority } from './authority.ts'
import type { Finding } from './finding.ts'
import { judgeHierarchy } from './hierarchy.ts'
import { Judgement } from './judgement.ts'
import type { Origin } from './origin.ts'
import { judgePeople } from './people.ts'
import { judgeReferences } from './references.ts'
import { judgeSettings, type TemplateCheck } from './settings.ts'
import { didYouMean } from './suggest.ts'

export interface SetOptions {
  /** Resources of a store or an export: what is not among the manifests may be referred to there, and rules know what was before. */
  base?: readonly AnyResource[]
  /** Says what is wrong with a mail text of an organization; without it texts are taken as they are. */
  checkTemplate?: TemplateCheck
  /** Judged against what the source that they are of may. */
  authority?: SourceAuthority
  /** Also says which roles, groups and pools nothing uses. */
  strict?: boolean
}

/** A manifest whose own errors keep it out of the set; it is there all the same. */
export interface BrokenManifest {
  kind: DeclaredKind
  name: string
  origin: Origin
}

/** A resource that is judged as part of the set, with what collects its findings; none for one of the base, which is only referred to. */
export interface Member<K extends DeclaredKind = DeclaredKind> {
  manifest: ManifestOf<K>
  judgement: Judgement | undefined
}

const MOST_COMPARISONS = 3_000_000

/** All resources of a set and its base by kind and name. */
export class ResourceSet {
  readonly #members = new Map<DeclaredKind, Map<string, Member>>(DECLARED_KINDS.map(kind => [kind, new Map()]))
  readonly #broken = new Set<string>()
  readonly #suggestions = new Map<string, string>()
  #comparisons = 0

  add(member: Member): Member | undefined {
    const { kind, metadata } = member.manifest
    const known = this.#members.get(kind)?.get(metadata.name)
    if (!known?.judgement) this.#members.get(kind)?.set(metadata.name, member)
    return known
  }

  addBroken({ kind, name }: { kind: DeclaredKind; name: string }): void {
    this.#broken.add(`${kind}/${name}`)
  }

  get<K extends DeclaredKind>(kind: K, name: string): Member<K> | undefined {
    return this.#members.get(kind)?.get(name) as Member<K> | undefined
  }

  /** Everything of one kind, what was there before what is judged: of two that say the same, the one that was there first is right. */
  knownFirst<K extends DeclaredKind>(kind: K): Member<K>[] {
    const all = [...this.of(kind)]
    return [...all.filter(({ judgement }) => !judgement), ...all.filter(({ judgement }) => judgement)]
  }

  /** Whether a resource of that name is there, be it with errors of its own. */
  has(kind: DeclaredKind, name: string): boolean {
    if (this.#members.get(kind)?.has(name)) return true
    return this.#broken.size > 0 && this.#broken.has(`${kind}/${name}`)
  }

  of<K extends DeclaredKind>(kind: K): Member<K>[] {
    return [...(this.#members.get(kind)?.values() ?? [])] as Member<K>[]
  }

  /** `; did you mean "editor"?`, or nothing. After some millions of comparisons always nothing, for a set may be wrong ten thousand times. */
  suggestion(kind: DeclaredKind, name: string): string {
    const names = this.#members.get(kind)
    const key = `${kind}/${name}`
    let found = this.#suggestions.get(key)
    if (found === undefined) {
      this.#comparisons += names?.size ?? 0
      found = this.#comparisons > MOST_COMPARISONS ? '' : didYouMean(name, names?.keys() ?? [])
      this.#suggestions.set(key, found)
    }
    return found
  }

  /** The organization and all above it, itself first; ends at a cycle or where nothing is known. */
  chain(organization: string): string[] {
    const chain: string[] = []
    for (
      let name: string | undefined = organization;
      name !== undefined && !chain.includes(name);
      name = this.get('Organization', name)?.manifest.spec.parent
    )
      chain.push(name)
    return chain
  }
}

/** Checks over all resources together: names that are there, belong where they are used, and stand once. */
export function judgeSet(
  resources: readonly { manifest: AnyManifest; origin: Origin }[],
  broken: readonly BrokenManifest[],
  options: SetOptions,
): Finding[] {
  const set = new ResourceSet()
  const judgements: Judgement[] = []
  const judgementOf = (origin: Origin, kind: string, name: string): Judgement => {
    const judgement = new Judgement(origin)
    judgement.of(kind, name)
    judgements.push(judgement)
    return judgement
  }
  const first = new Map<string, Origin>()
  const judgeTwice = (kind: DeclaredKind, name: string, origin: Origin, judgement: Judgement): void => {
    const key = `${kind}/${name}`
    const known = first.get(key)
    if (known)
      judgement.report(
        'duplicate-resource',
        `${kind} ${JSON.stringify(name)} stands twice: also at ${known.file}:${known.line}`,
        '/metadata/name',
      )
    else first.set(key, origin)
  }
  let namespace: { name: string | undefined; origin: Origin } | undefined

  for (const { manifest, origin } of resources) {
    const { kind, metadata } = manifest
    const judgement = judgementOf(origin, kind, metadata.name)
    judgeTwice(kind, metadata.name, origin, judgement)
    namespace ??= { name: metadata.namespace, origin }
    if (namespace.name !== metadata.namespace)
      judgement.report(
        'mixed-namespaces',
        `is in ${realm(metadata.namespace)}, and ${namespace.origin.file}:${namespace.origin.line} in ${realm(namespace.name)}; one set of manifests is one realm`,
        '/metadata/namespace',
      )
    set.add({ manifest, judgement })
  }
  for (const { kind, name, origin } of broken) {
    judgeTwice(kind, name, origin, judgementOf(origin, kind, name))
    set.addBroken({ kind, name })
  }
  for (const resource of options.base ?? []) {
    if (!isDeclared(resource.kind) || set.has(resource.kind, resource.metadata.name)) continue
    set.add({ manifest: resource as AnyManifest, judgement: undefined })
  }

  judgeReferences(set, options.strict ?? false)
  judgeHierarchy(set)
  judgePeople(set)
  judgeSettings(set, options.checkTemplate)
  if (options.authority) judgeAuthority(set, options.base ?? [], options.authority)
  return judgements.flatMap(judgement => judgement.findings())
}

const realm = (namespace: string | undefined): string =>
  namespace === undefined ? 'no namespace' : `namespace ${JSON.stringify(namespace)}`
const isDeclared = (kind: string): kind is DeclaredKind => (DECLARED_KINDS as readonly string[]).includes(kind)
