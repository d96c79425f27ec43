import { spawnSync } from 'node:child_process'
import { loadAll } from 'js-yaml'
import { kubectlPath } from '../../scripts/setup/kubectl.mjs'
import type { Rule } from '../kube/rights.ts'
import { CHART, NEEDED } from './installation.ts'

/** The rules of the Role that the chart gives to Roster in the namespace of its realm, as helm renders them. @throws Error with what helm says */
export const renderedRules = (): readonly Rule[] => {
  const { status, stdout, stderr } = spawnSync(
    kubectlPath('helm') ?? '',
    ['template', 'roster', CHART, '-n', 'people', '-s', 'templates/rbac.yaml', '-f', '-'],
    { encoding: 'utf8', input: JSON.stringify(NEEDED) },
  )
  if (status !== 0) throw new Error(`helm: ${stderr}`)
  const objects = loadAll(stdout) as { kind: string; metadata: { name: string; namespace: string }; rules: Rule[] }[]
  const role = objects.find(
    ({ kind, metadata }) => kind === 'Role' && metadata.name === 'roster' && metadata.namespace === 'people',
  )
  if (!role) throw new Error('the chart renders no Role roster')
  return role.rules
}
