/** Build time only: all kinds with their schemas, for the generators. */
import { account } from './account.ts'
import { approval } from './approval.ts'
import { directory } from './directory.ts'
import { directoryRecord } from './directoryrecord.ts'
import { group } from './group.ts'
import { invitation } from './invitation.ts'
import { licensePool } from './licensepool.ts'
import { membership } from './membership.ts'
import { organization } from './organization.ts'
import { removalSet } from './removalset.ts'
import { role } from './role.ts'
import type { KindDefinition } from './schema.ts'
import { seatLedger } from './seatledger.ts'
import { source } from './source.ts'
import { user } from './user.ts'

export const definitions: readonly KindDefinition[] = [
  source,
  organization,
  directory,
  role,
  group,
  licensePool,
  user,
  invitation,
  approval,
  account,
  membership,
  seatLedger,
  removalSet,
  directoryRecord,
]
