import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCredentials } from '../../src/accounts/credentials.ts'
import { credentialStoreContract } from './credentials.ts'

credentialStoreContract('the SQLite file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'roster-credentials-'))
  const path = join(folder, 'credentials.sqlite')
  const [first, second] = [openCredentials(path), openCredentials(path)]
  return {
    first,
    second,
    close: async () => {
      await first[Symbol.asyncDispose]()
      await second[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
})
