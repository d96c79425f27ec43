import type { TestCluster } from '../kube/apiserver.ts'
import { newNamespace } from '../kube/crds.ts'
import { Workplace } from './process.ts'

/** A namespace with what the chart would make: the realm's, and one for credentials beside it. */
export const newRealm = async (cluster: TestCluster): Promise<string> => {
  const namespace = await newNamespace(cluster)
  const { code, body } = await cluster.ask('POST', '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: `${namespace}-credentials` },
  })
  if (code !== 201) throw new Error(`no namespace: ${JSON.stringify(body)}`)
  return namespace
}

/** A place for one replica: its `roster` commands work on that namespace, or with `embedded` on a data folder of their own. */
export const replicaOf = (
  cluster: TestCluster,
  namespace: string,
  options: { port?: number; token?: string; publicUrl?: string; embedded?: boolean } = {},
): Promise<Workplace> => {
  const { publicUrl, embedded, ...through } = options
  if (embedded) return Workplace.make()
  return Workplace.make({
    ROSTER_KUBERNETES: 'true',
    ROSTER_KUBECONFIG: cluster.writeKubeconfig(through),
    ROSTER_NAMESPACE: namespace,
    ...(publicUrl !== undefined && { ROSTER_PUBLIC_URL: publicUrl }),
  })
}

/** Who holds the lease; empty when nobody does. */
export const leader = async (cluster: TestCluster, namespace: string): Promise<string> => {
  const { body } = await cluster.ask('GET', `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/roster`)
  return (body as { spec?: { holderIdentity?: string } }).spec?.holderIdentity ?? ''
}
