import { directoryContract } from '../../contract/directory.ts'
import { describeWith } from '../../parts.ts'
import { startBreaker, startSlapd } from '../../peers/slapd.ts'
import { driverFor, groupEntry, personEntry } from './reading.ts'

describeWith('slapd', 'LDAP', () => {
  directoryContract('OpenLDAP', {
    open: async (people, groups, pageSize) => {
      const slapd = await startSlapd([...people.map(personEntry), ...groups.map(groupEntry)])
      const breaker = await startBreaker(slapd.securePort)
      return {
        driver: driverFor(`ldaps://localhost:${breaker.port}`, { spec: { pageSize } }),
        breakAt: n => breaker.atRequest(n),
        close: async () => {
          await breaker[Symbol.asyncDispose]()
          await slapd[Symbol.asyncDispose]()
        },
      }
    },
  })
})
