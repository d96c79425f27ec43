import type { LinkToken } from '../accounts/links.ts'
import { passwordProblem } from '../accounts/password.ts'
import { INVITATION_LIMITS } from '../accounts/tries.ts'
import type { Account } from '../api/account.ts'
import { isConflict } from '../api/errors.ts'
import type { Membership } from '../api/membership.ts'
import { accountName } from '../decide/record-names.ts'
import { timestamp } from '../ports/clock.ts'
import type { Parts } from './parts.ts'
import type { Person } from './people.ts'

/** Lost races in a row after which it is called a failure: nobody writes one record that often. */
const MOST_RACES = 20

/** An invitation that can be answered now, or why not. Everything that is not open looks the same to whoever holds the link. */
export type OpenInvitation =
  | {
      is: 'open'
      membership: Membership
      purpose: 'Invitation' | 'SetUp'
      attempt: number
      expirationTime: string
      account: Account | undefined
      way: 'SetPassword' | 'SignIn'
    }
  | { is: 'joined'; membership: Membership; account: string }
  | { is: 'declined'; membership: Membership }
  | { is: 'dead'; membership?: Membership }

/** Reads and judges. Changes nothing, and takes as long for a link that never was. */
export const readInvitation = async (
  { store, links, people, credentials, clock }: Parts,
  token: LinkToken | undefined,
): Promise<OpenInvitation> => {
  if (!token) return { is: 'dead' }
  const membership = await store.get('Membership', token.membership)
  if (!membership) {
    links.verifyNothing(token)
    return { is: 'dead' }
  }
  const verdict = links.verify(token, membership.spec, clock.now())
  if (verdict.is === 'foreign') return { is: 'dead' }
  const suspended = await people.isSuspended(membership)
  if (verdict.is === 'dead') {
    const { joined, declined } = membership.spec
    if (suspended) return { is: 'dead' }
    if (verdict.because === 'Joined' && joined?.attempt === token.attempt && joined.account)
      return { is: 'joined', membership, account: joined.account }
    if (verdict.because === 'Declined' && declined?.attempt === token.attempt) return { is: 'declined', membership }
    return { is: 'dead', membership }
  }
  const account = await people.accountOf(membership.spec.address)
  if (suspended || account?.spec.closed) return { is: 'dead' }
  const way = (await credentials.hasCredential(account?.metadata.name ?? accountName(membership.spec.address)))
    ? 'SignIn'
    : 'SetPassword'
  const { purpose, number, expirationTime } = verdict.attempt
  // A link that sets the first password has done so: it is used.
  if (purpose === 'SetUp' && way === 'SignIn') return { is: 'dead', membership }
  return { is: 'open', membership, purpose, attempt: number, expirationTime, account, way }
}

export type Acceptance =
  | { is: 'accepted'; account: Account; organization: string }
  | { is: 'dead' }
  | { is: 'wrongPassword' }
  | { is: 'tooManyTries' }
  /** Signed in as somebody whose proven addresses do not include the invited one. */
  | { is: 'somebodyElse' }
  | { is: 'passwordProblem'; problem: 'Missing' | 'Different' | NonNullable<ReturnType<typeof passwordProblem>> }

export interface Answer {
  token: LinkToken | undefined
  /** Who is signed in. */
  person: Person | undefined
  password: string
  /** Typed a second time; undefined: was not asked for. */
  repeated: string | undefined
  language: string
  client: string
  /** Whether this browser was let in before. */
  known: boolean
}

/**
 * Joins. Credential if there is none → Account → Membership `joined`, in this order, each step such that doing it twice is doing it once:
 * a crash in between leaves a way to sign in and an invitation that is still open.
 * Called by several at once for one invitation, it joins once and tells everybody who has the right password the same.
 */
export const accept = async (parts: Parts, answer: Answer): Promise<Acceptance> =>
  parts.inLine(`membership/${answer.token?.membership}`, async () => {
    const invitation = await readInvitation(parts, answer.token)
    if (invitation.is === 'joined') return acceptAgain(parts, answer, invitation)
    if (invitation.is !== 'open') return { is: 'dead' }
    const { address } = invitation.membership.spec
    if (answer.person && !answer.person.addresses.includes(address)) return { is: 'somebodyElse' }
    if (!answer.person) {
      const shown = await showPassword(parts, answer, invitation)
      if (shown !== 'right') return shown
    }
    const account = answer.person?.account ?? (await proveByLink(parts, address, answer.language))
    if (!account) return { is: 'dead' }
    if (invitation.purpose === 'Invitation' && !(await join(parts, answer.token, account))) return { is: 'dead' }
    if (invitation.purpose === 'SetUp') await noteSetUp(parts, invitation.membership, account)
    return { is: 'accepted', account, organization: invitation.membership.spec.organization }
  })

/**
 * The second click, the second tab: whoever shows that they are the one who joined sees the same as after the first.
 * For a while and a number of tries only, wherever they come from: a link that was used must be no way to try passwords past the limits of signing in.
 */
const acceptAgain = async (
  parts: Parts,
  answer: Answer,
  { membership, account: name }: { membership: Membership; account: string },
): Promise<Acceptance> => {
  const account = await parts.store.get('Account', name)
  if (!account) return { is: 'dead' }
  const { organization } = membership.spec
  if (answer.person)
    return answer.person.account.metadata.name === name ? { is: 'accepted', account, organization } : { is: 'dead' }
  const { again } = INVITATION_LIMITS
  const sinceJoining = parts.clock.now() - Date.parse(membership.spec.joined?.time ?? '')
  if (answer.password === '' || !(sinceJoining < again.seconds * 1000)) return { is: 'dead' }
  if (!(await parts.tries.within(again, 'accept again', membership.metadata.name))) return { is: 'dead' }
  const { right } = await parts.passwords.verify(answer.password, await parts.credentials.passwordHash(name))
  return right && (await parts.people.person(account)).entry.may
    ? { is: 'accepted', account, organization }
    : { is: 'dead' }
}

/** Sets the password where no way to sign in exists, and asks for it where one does: a forwarded link gives nothing then. */
const showPassword = async (
  { credentials, passwords, tries, settings, audit }: Parts,
  answer: Answer,
  { membership, account, way }: OpenInvitation & { is: 'open' },
): Promise<'right' | Acceptance> => {
  const { address, organization } = membership.spec
  const name = account?.metadata.name ?? accountName(address)
  if (answer.password === '') return { is: 'passwordProblem', problem: 'Missing' }
  if (way === 'SetPassword') {
    const known = settings(organization)
    const problem = passwordProblem(answer.password, [
      address,
      organization,
      known?.displayName ?? '',
      known?.portal.productName ?? '',
    ])
    if (problem) return { is: 'passwordProblem', problem }
    if (answer.repeated !== undefined && answer.repeated !== answer.password)
      return { is: 'passwordProblem', problem: 'Different' }
    if (await credentials.insertPassword(name, await passwords.hash(answer.password))) {
      await audit.append({
        phase: 'change',
        actor: actorOf(membership, account),
        action: 'account.setPassword',
        target: `Account/${name}`,
        organization,
        because: 'the link was used, and there was no way to sign in yet',
      })
      return 'right'
    }
  }
  if (!(await tries.signIn({ address, client: answer.client, known: answer.known }))) return { is: 'tooManyTries' }
  const { right } = await passwords.verify(answer.password, await credentials.passwordHash(name))
  if (right) return 'right'
  await audit.append({
    phase: 'change',
    actor: 'link',
    action: 'account.signInRefused',
    target: `Account/${name}`,
    organization,
    because: 'the password on the page of an invitation was not right',
  })
  return { is: 'wrongPassword' }
}

/**
 * The Account of the invited address is made or proven now, because the link was read in its mailbox.
 * @returns the Account whose credentials count for it; undefined where one of them was closed
 */
const proveByLink = async (
  { store, people, clock }: Parts,
  address: string,
  language: string,
): Promise<Account | undefined> => {
  const name = accountName(address)
  const proven = { time: timestamp(clock.now()), how: 'Link' as const }
  for (let races = 0; races < MOST_RACES; races++) {
    const own = await store.get('Account', name)
    const counting = await people.accountOf(address)
    if (own?.spec.closed || counting?.spec.closed) return undefined
    if (own?.spec.proven) return counting
    try {
      if (own) {
        const spec = { ...own.spec, proven, language: own.spec.language ?? language }
        await store.replace({ kind: 'Account', name, spec }, { ifVersion: own.metadata.resourceVersion })
      } else {
        const spec = { address, proven, language, credentialVersion: 1 }
        await store.create({ kind: 'Account', metadata: { name }, spec }, { manager: PORTAL })
      }
    } catch (error) {
      if (!isConflict(error)) throw error
    }
  }
  throw new Error(`Account/${name} is written by others all the time`)
}

/** Writes `joined`, judging anew before each try: in time or not is decided by the moment of the write. @returns whether the person is in by this link */
const join = async (parts: Parts, token: LinkToken | undefined, account: Account): Promise<boolean> => {
  const { store, audit, clock } = parts
  for (let races = 0; races < MOST_RACES; races++) {
    const invitation = await readInvitation(parts, token)
    if (invitation.is === 'joined') return invitation.account === account.metadata.name
    if (invitation.is !== 'open') return false
    const { membership, attempt } = invitation
    const joined = { time: timestamp(clock.now()), how: 'Link' as const, attempt, account: account.metadata.name }
    const line = {
      actor: actorOf(membership, account),
      action: 'membership.join',
      target: `Membership/${membership.metadata.name}`,
      organization: membership.spec.organization,
      key: `join/${membership.metadata.name}/${attempt}`,
    }
    await audit.append({ ...line, phase: 'intent', because: 'the link of the invitation was used' })
    try {
      await store.replace(
        { kind: 'Membership', name: membership.metadata.name, spec: { ...membership.spec, joined } },
        { ifVersion: membership.metadata.resourceVersion },
      )
    } catch (error) {
      await audit.append({
        ...line,
        phase: 'result',
        because: isConflict(error)
          ? 'the record was written by somebody else; judged anew'
          : 'the record could not be written',
      })
      if (!isConflict(error)) throw error
      continue
    }
    await audit.append({ ...line, phase: 'result', after: { joined } })
    return true
  }
  throw new Error(`${membershipOf(token)} is written by others all the time`)
}

const noteSetUp = ({ audit }: Parts, membership: Membership, account: Account): Promise<void> =>
  audit.append({
    phase: 'change',
    actor: actorOf(membership, account),
    action: 'account.setUp',
    target: `Account/${account.metadata.name}`,
    organization: membership.spec.organization,
    because: 'the link of the mail about the account was used',
  })

/** The manager under which the portal writes. */
export const PORTAL = 'portal'

/** Who acts: the User by name where there is one, else the account. */
export const actorOf = (membership: Membership | undefined, account: Account | undefined): string => {
  const user = membership?.spec.user?.name
  if (user) return `user/${user}`
  return account ? `account/${account.metadata.name}` : 'link'
}

const membershipOf = (token: LinkToken | undefined): string => `Membership/${token?.membership ?? '?'}`
