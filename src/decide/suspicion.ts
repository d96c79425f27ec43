import type { PersonSource, Suspicion } from './who.ts'

/** Two sources that look like one person, in words: who the other one is, by what they look alike, and why nobody merged them. */
export const suspicionText = ({ of, other, key, because, claimedBy }: Suspicion): string => {
  const why: Record<Suspicion['because'], string> = {
    Claimed: `${claimedBy.map(sourceText).join(' and ')} only ${claimedBy.length > 1 ? 'claim' : 'claims'} it`,
    Contested: 'another entry of that directory has it as much',
    Protected: 'protected people are merged by decision only',
    Admin: 'admins are merged by decision only',
    OtherOrganization: 'people of another organization are merged by decision only',
    SeveralPeople: 'it would be several people at once, or somebody who is merged by decision only',
  }
  return `${sourceText(other)} may be ${sourceText(of)}: both have ${keyText(key)}, and ${why[because]}`
}

/** `User/alice`, `77 of directory/hr`, `the account of alice@acme.example`. */
export const sourceText = ({ ref }: Pick<PersonSource, 'ref'>): string => {
  const [kind, first = '', ...rest] = ref.split('/')
  if (kind === 'DirectoryRecord') return `${rest.join('/')} of directory/${first}`
  return kind === 'Account' ? `the account of ${ref.slice('Account/'.length)}` : ref
}

/** `alice@acme.example`, `the id 77 in directory/hr`. */
export const keyText = (key: string): string => {
  const [sort, first = '', ...rest] = key.split('/')
  return sort === 'id' ? `the id ${rest.join('/')} in directory/${first}` : key.slice('address/'.length)
}
