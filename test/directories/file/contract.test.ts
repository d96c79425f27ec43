import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileDriver } from '../../../src/directories/file/driver.ts'
import { directoryContract } from '../../contract/directory.ts'

const columns = {
  id: 'id',
  login: 'login',
  email: 'mail',
  givenName: 'first',
  familyName: 'last',
  groups: 'teams',
  active: 'in use',
}
const cell = (text: string): string => `"${text.replaceAll('"', '""')}"`

for (const format of ['CSV', 'JSON', 'YAML'] as const)
  directoryContract(`a file (${format})`, {
    open: async (people, groups, pageSize) => {
      const folder = mkdtempSync(join(tmpdir(), 'roster-contract-'))
      const path = join(folder, 'people')
      const rows = people.map(({ login, email = '', givenName = '', familyName, disabled }, at) => ({
        id: `n${at}`,
        login,
        mail: email,
        first: givenName,
        last: familyName,
        teams: groups.filter(({ users }) => users.includes(login)).map(({ name }) => name),
        'in use': String(!disabled),
      }))
      const table = [
        Object.values(columns),
        ...rows.map(({ teams, ...row }) => [
          ...[row.id, row.login, row.mail, row.first, row.last],
          teams.join(';'),
          row['in use'],
        ]),
      ]
      // JSON is YAML.
      writeFileSync(
        path,
        format === 'CSV' ? table.map(row => row.map(cell).join(',')).join('\n') : JSON.stringify(rows),
      )
      utimesSync(path, new Date(0), new Date(0))
      return {
        driver: fileDriver({ file: { path: 'people', format, columns }, folder, pageSize }),
        breakAt: () => rmSync(path, { force: true }),
        close: async () => rmSync(folder, { recursive: true }),
      }
    },
    emptyGroups: false,
  })
