import { ANNOTATIONS, GROUP, LABELS } from '../api/names.ts'
import { LABEL_PATTERN, NAME_PATTERN } from '../api/patterns.ts'
import type { KindSchema } from '../api/schemanode.ts'
import type { Judgement } from './judgement.ts'
import { escapePointer } from './pointer.ts'
import { didYouMean } from './suggest.ts'
import { quote } from './wording.ts'

const NAME = new RegExp(NAME_PATTERN, 'u')
const LABEL = new RegExp(LABEL_PATTERN, 'u')
/** Kubernetes, "Labels and selectors: Syntax and character set". */
const QUALIFIED = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/
const MAX_ANNOTATIONS = 262_144

/** Fields of metadata that a store writes. */
const STORED = [
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
  'selfLink',
  'finalizers',
  'ownerReferences',
]
const OWN_LABELS: ReadonlySet<string> = new Set(Object.values(LABELS))
const ALLOWED_ANNOTATIONS: readonly string[] = [ANNOTATIONS.pause, ANNOTATIONS.orphan]
const OWN_ANNOTATIONS: ReadonlySet<string> = new Set(Object.values(ANNOTATIONS))
/** What kubectl keeps there by itself. */
const FOREIGN = 'kubectl.kubernetes.io/last-applied-configuration'

/** Checks the metadata of a manifest by Kubernetes' rules and by ours. */
export function judgeMetadata(judgement: Judgement, schema: KindSchema, metadata: unknown): void {
  if (!isObject(metadata)) {
    if (metadata === undefined) judgement.report('missing-field', 'metadata is missing: write metadata: {name: …}')
    else judgement.report('wrong-type', 'metadata must be an object: write metadata: {name: …}', '/metadata')
    return
  }
  for (const field of Object.keys(metadata)) {
    if (STORED.includes(field))
      judgement.report('reserved-metadata', `metadata.${field} is written by the store; take it out of the manifest`, {
        pointer: `/metadata/${escapePointer(field)}`,
        which: 'key',
      })
    else if (!FIELDS.includes(field)) {
      const hint = field === 'generateName' ? '; give every resource its name' : didYouMean(field, FIELDS)
      judgement.report('unknown-field', `metadata.${field} is not a field of a manifest${hint}`, {
        pointer: `/metadata/${escapePointer(field)}`,
        which: 'key',
      })
    }
  }
  judgeName(judgement, schema, metadata.name)
  judgeNamespace(judgement, metadata.namespace)
  judgeLabels(judgement, metadata.labels)
  judgeAnnotations(judgement, metadata.annotations)
}
const FIELDS = ['name', 'namespace', 'labels', 'annotations']

function judgeName(judgement: Judgement, { kind, maxNameLength }: KindSchema, name: unknown): void {
  const at = '/metadata/name'
  if (typeof name !== 'string') {
    if (name === undefined) judgement.report('missing-field', 'metadata.name is missing', '/metadata')
    else judgement.report('wrong-type', notText('metadata.name', name, judgement, at), at)
    return
  }
  const label = maxNameLength < 253
  if (name.length > maxNameLength)
    judgement.report(
      'invalid-metadata',
      `metadata.name has ${name.length} characters; a ${kind} may have at most ${maxNameLength}`,
      at,
    )
  else if (!(label ? LABEL : NAME).test(name))
    judgement.report(
      'invalid-metadata',
      `${quote(name)} cannot be a name: lower-case letters, digits and "-"${label ? '' : ' and "."'} only, beginning and ending with a letter or digit`,
      at,
    )
}

function judgeNamespace(judgement: Judgement, namespace: unknown): void {
  if (namespace === undefined) return
  if (typeof namespace !== 'string')
    judgement.report(
      'wrong-type',
      notText('metadata.namespace', namespace, judgement, '/metadata/namespace'),
      '/metadata/namespace',
    )
  else if (namespace.length > 63 || !LABEL.test(namespace))
    judgement.report('invalid-metadata', `${quote(namespace)} cannot be a namespace`, '/metadata/namespace')
}

function judgeLabels(judgement: Judgement, labels: unknown): void {
  for (const [key, value, at] of entries(judgement, 'labels', labels)) {
    judgeKey(judgement, 'label', key, at)
    if (OWN_LABELS.has(key) || key.startsWith(`${GROUP}/`))
      judgement.report('reserved-metadata', `the label ${key} is written by Roster; take it out of the manifest`, {
        pointer: at,
        which: 'key',
      })
    if (value.length > 63 || !(value === '' || QUALIFIED.test(value)))
      judgement.report(
        'invalid-metadata',
        `${quote(value)} cannot be the value of a label: at most 63 letters, digits, "-", "_" and ".", beginning and ending with a letter or digit`,
        at,
      )
  }
}

function judgeAnnotations(judgement: Judgement, annotations: unknown): void {
  let bytes = 0
  for (const [key, value, at] of entries(judgement, 'annotations', annotations)) {
    judgeKey(judgement, 'annotation', key, at)
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value)
    if (!key.startsWith(`${GROUP}/`) || ALLOWED_ANNOTATIONS.includes(key)) {
      if (key === FOREIGN)
        judgement.report(
          'reserved-metadata',
          `the annotation ${key} is written by kubectl; take it out of the manifest`,
          { pointer: at, which: 'key' },
          'warning',
        )
      continue
    }
    const why = OWN_ANNOTATIONS.has(key)
      ? `the annotation ${key} is a request or a note of Roster and has no place in a manifest`
      : `the annotation ${key} is not known${didYouMean(key, ALLOWED_ANNOTATIONS)}`
    judgement.report('reserved-metadata', why, { pointer: at, which: 'key' })
  }
  if (bytes > MAX_ANNOTATIONS)
    judgement.report(
      'invalid-metadata',
      `annotations have ${bytes} bytes, and may have ${MAX_ANNOTATIONS}`,
      '/metadata/annotations',
    )
}

/** The pairs whose value is text; what is wrong with the others is reported. */
function* entries(judgement: Judgement, field: string, value: unknown): Generator<[string, string, string]> {
  if (value === undefined) return
  const pointer = `/metadata/${field}`
  if (!isObject(value)) {
    judgement.report('wrong-type', `metadata.${field} must be an object of texts`, pointer)
    return
  }
  for (const [key, text] of Object.entries(value)) {
    const at = `${pointer}/${escapePointer(key)}`
    if (typeof text === 'string') yield [key, text, at]
    else judgement.report('wrong-type', notText(`metadata.${field}.${key}`, text, judgement, at), at)
  }
}

function judgeKey(judgement: Judgement, what: string, key: string, pointer: string): void {
  const slash = key.indexOf('/')
  // Annotations may have prefixes in upper case, labels not.
  const prefix = slash < 0 ? undefined : what === 'annotation' ? key.slice(0, slash).toLowerCase() : key.slice(0, slash)
  const good =
    QUALIFIED.test(key.slice(slash + 1)) && (prefix === undefined || (prefix.length <= 253 && NAME.test(prefix)))
  if (!good)
    judgement.report(
      'invalid-metadata',
      `${quote(key)} cannot be the key of ${what === 'annotation' ? 'an' : 'a'} ${what}: [prefix/]name, the name at most 63 letters, digits, "-", "_" and "."`,
      { pointer, which: 'key' },
    )
}

function notText(field: string, value: unknown, judgement: Judgement, pointer: string): string {
  if (value === null) return `${field} is empty: give it a value or leave it out`
  if (typeof value === 'object') return `${field} must be one text`
  return `${field} must be text: write "${judgement.origin.at(pointer).raw ?? String(value)}" in quotes`
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
