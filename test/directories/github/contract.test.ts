import { directoryContract } from '../../contract/directory.ts'
import { githubPeer } from '../../peers/github.ts'
import { driverFor, fillWith } from './reading.ts'

directoryContract('GitHub', {
  tree: true,
  memberPages: true,
  wholeNames: true,
  open: async (people, groups, pageSize) => {
    const peer = await githubPeer({ limits: { restPerMinute: 100_000, graphqlPerMinute: 100_000 } })
    fillWith(peer, people, groups)
    return {
      driver: driverFor(peer, { pageSize }),
      breakAt: request => peer.treatFrom(request, 'break'),
      close: async () => peer[Symbol.asyncDispose](),
    }
  },
})
