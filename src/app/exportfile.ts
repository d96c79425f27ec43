import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { type Retry, RosterError } from '../api/errors.ts'
import type { AnyResource } from '../api/kinds.ts'
import type { Reason } from '../api/names.ts'
import { readExport } from '../manifests/export.ts'
import { decodeText } from '../manifests/text.ts'

/** What is named is no export. */
export class ExportError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'InvalidSpec'
  readonly remedy = 'Make one with roster export'
}

const MOST_BYTES = 512 * 1024 * 1024

/**
 * Everything in a file that `roster export` wrote, or `kubectl get -o yaml`, in the shape in which a store gives it.
 * What is never exported, the random part of links, stands there as zeros: nothing that is signed with it is good for anything.
 * @throws ExportError; what the file system says
 */
export const readExportFile = async (file: string): Promise<AnyResource[]> => {
  const { size } = await stat(file)
  if (size > MOST_BYTES) throw new ExportError(`${file} is larger than any export that can be read here`)
  const decoded = decodeText(await readFile(file))
  if ('problem' in decoded) throw new ExportError(`${file} ${decoded.problem}`)
  const { resources, findings } = readExport({ file, text: decoded.text })
  const error = findings.find(({ severity }) => severity === 'error')
  if (error) throw new ExportError(`${file}:${error.line}:${error.column}: ${error.message}`)
  if (resources.length === 0) throw new ExportError(`${file} holds no resource of Roster`)
  return resources.map(whole)
}

const NONCE = 'A'.repeat(43)

const whole = (resource: AnyResource): AnyResource => {
  const { kind, metadata } = resource
  const { resourceVersion, uid, generation, creationTimestamp } = metadata as Partial<typeof metadata>
  const spec =
    kind === 'Membership'
      ? { series: [], attempts: [], mails: [], grants: [], ...(resource.spec as object), nonce: NONCE }
      : resource.spec
  return {
    ...resource,
    metadata: {
      ...metadata,
      resourceVersion:
        typeof resourceVersion === 'string' && /^\d{1,20}$/.test(resourceVersion) ? resourceVersion : '0',
      uid: typeof uid === 'string' ? uid : uidOf(`${kind}/${metadata.name}`),
      generation: typeof generation === 'number' ? generation : 1,
      creationTimestamp: typeof creationTimestamp === 'string' ? creationTimestamp : '1970-01-01T00:00:00Z',
    },
    spec,
  } as AnyResource
}

/** The same for the same object: plans against one export are the same. */
const uidOf = (key: string): string =>
  createHash('sha256')
    .update(key)
    .digest('hex')
    .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5')
