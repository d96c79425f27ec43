import type { AnyResource } from '../api/kinds.ts'
import { API_VERSION, KINDS, type Kind } from '../api/names.ts'
import { splitDocuments } from './documents.ts'
import { byPlace, type Finding } from './finding.ts'
import { Judgement } from './judgement.ts'
import { isObject } from './metadata.ts'
import { yamlOrigin } from './origin.ts'
import { positionOf, type SourceText } from './text.ts'
import { readYaml } from './yaml.ts'

export interface ReadExport {
  /** Everything of ours in it, records with their specs and declared kinds with their statuses. */
  resources: AnyResource[]
  /** What in it is no export. */
  findings: Finding[]
}

/**
 * Reads what `export` wrote, or `kubectl get -o yaml`, as the base to judge manifests against: other than in manifests, records, statuses and
 * what a store writes into metadata belong there. Specs are taken as they are, for a store took them before.
 */
export function readExport(source: SourceText): ReadExport {
  const read: ReadExport = { resources: [], findings: [] }
  for (const chunk of splitDocuments(source.text)) {
    for (const [of, document] of readYaml(source.text.slice(chunk.start, chunk.end)).entries()) {
      const judgement = new Judgement(yamlOrigin(source, chunk, of, document.start, ''))
      for (const { rule, message, severity, offset } of document.problems)
        judgement.reportAt(rule, message, severity, positionOf(source, chunk.start + offset))
      if (document.value !== null && document.value !== undefined) take(read, judgement, document.value, '')
      read.findings.push(...judgement.findings())
    }
  }
  read.findings.sort(byPlace)
  return read
}

function take({ resources }: ReadExport, judgement: Judgement, value: unknown, pointer: string): void {
  if (isObject(value) && Array.isArray(value.items)) {
    for (const [index, item] of value.items.entries())
      take({ resources, findings: [] }, judgement, item, `${pointer}/items/${index}`)
  } else if (!isObject(value) || typeof value.apiVersion !== 'string' || typeof value.kind !== 'string') {
    judgement.report('not-a-manifest', 'an export holds objects with apiVersion and kind', pointer)
  } else if (value.apiVersion === API_VERSION) {
    if (!(KINDS as readonly string[]).includes(value.kind))
      judgement.report(
        'unknown-kind',
        `${JSON.stringify(value.kind)} is not a kind of ${API_VERSION}`,
        `${pointer}/kind`,
      )
    else if (!isObject(value.metadata) || typeof value.metadata.name !== 'string' || !isObject(value.spec))
      judgement.report('missing-field', `a ${value.kind} needs metadata.name and spec`, pointer)
    else resources.push(value as unknown as AnyResource & { kind: Kind })
  }
}
