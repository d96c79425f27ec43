import type { ScimDirectory } from '../../api/services/scim.ts'

export type ProfileName = NonNullable<ScimDirectory['profile']>

/** What a service does otherwise than the standard, by its own documentation. */
export interface Profile {
  /** It pages by cursor, whether it says so or not. */
  readonly cursor: boolean
  /** Most that it tells at once. */
  readonly largestPage: number
  /** It tells who is in a group. */
  readonly members: boolean
  /** It tells groups in pages; else all at once, and refuses to be asked for a page. */
  readonly groupPages: boolean
}

const standard: Profile = { cursor: false, largestPage: 10_000, members: true, groupPages: true }

export const profiles: Readonly<Record<ProfileName, Profile>> = {
  Standard: standard,
  // https://docs.aws.amazon.com/singlesignon/latest/developerguide/listgroups.html
  AWS: { ...standard, cursor: true, largestPage: 100, members: false },
  // Groups of people in GitLab's groups are not told at all, those of a whole GitLab without members.
  GitLab: { ...standard, members: false },
  // It answers 501 when it is asked for a page of groups.
  WSO2: { ...standard, groupPages: false },
}
