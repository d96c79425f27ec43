import { SCHEMAS } from '../../src/api/generated/schemas.ts'
import { DECLARED_KINDS, KINDS } from '../../src/api/names.ts'
import type { TestCluster } from './apiserver.ts'

/** A rule of a Role (`rbac.authorization.k8s.io/v1`). */
export interface Rule {
  apiGroups: string[]
  resources: string[]
  resourceNames?: string[]
  verbs: string[]
}

/** All that the store needs in its namespace, and nothing that it does not. */
export const RULES: readonly Rule[] = [
  {
    apiGroups: ['roster.dev'],
    resources: KINDS.map(kind => SCHEMAS[kind].plural),
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  },
  {
    apiGroups: ['roster.dev'],
    resources: DECLARED_KINDS.map(kind => `${SCHEMAS[kind].plural}/status`),
    verbs: ['patch'],
  },
  { apiGroups: [''], resources: ['configmaps'], resourceNames: ['roster-realm'], verbs: ['get', 'update'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: ['roster'], verbs: ['get', 'update'] },
  // A name cannot bind what does not exist yet.
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
  { apiGroups: [''], resources: ['events'], verbs: ['get', 'list', 'create', 'update'] },
]

/** Gives a user exactly these rules in a namespace. */
export const allow = async (
  cluster: TestCluster,
  namespace: string,
  user: string,
  rules: readonly Rule[],
): Promise<void> => {
  const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`
  const options = 'fieldManager=test&force=true'
  const apply = async (kind: string, rest: object) => {
    const body = { apiVersion: 'rbac.authorization.k8s.io/v1', kind, metadata: { name: user }, ...rest }
    const { code } = await cluster.ask(
      'PATCH',
      `${path}/${kind.toLowerCase()}s/${user}?${options}`,
      body,
      'application/apply-patch+yaml',
    )
    if (code > 299) throw new Error(`${kind}: ${code}`)
  }
  await apply('Role', { rules })
  await apply('RoleBinding', {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: user },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  })
}
