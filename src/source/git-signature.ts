import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { GitCopy } from './git-copy.ts'
import { askGit, type GitCall, runGit } from './git-process.ts'
import { GitTrouble } from './git-trouble.ts'

/**
 * Whether a commit is signed by a key that the controller's file of signers names. What git accepts is a key that was good at the date in the commit, which its author
 * chooses: so one that is new here must be signed by a key that is good now. Whoever has a key that ran out could write a date from before.
 * @param fresh it was not applied before
 * @throws GitTrouble `NotSigned`, saying what it is signed with
 */
export const verifySignature = async (
  copy: GitCopy,
  { commit, signers, fresh }: { commit: string; signers: string; fresh: boolean },
  call: GitCall,
): Promise<void> => {
  const bytes: Buffer[] = []
  await runGit([...copy.at, 'cat-file', 'commit', commit], call, chunk => void bytes.push(chunk))
  const header = commit.length === 64 ? 'gpgsig-sha256' : 'gpgsig'
  const signed = signedParts(Buffer.concat(bytes).toString('latin1'), header)
  const refuse = (why: string): never => {
    throw new GitTrouble('NotSigned', `commit ${commit} ${why}`)
  }
  switch (sortOf(signed.signature)) {
    case 'none':
      return refuse('is not signed; sign it with ssh, by a key of the file of --signers')
    case 'openpgp':
      return refuse('is signed with OpenPGP, which is never taken; sign it with ssh (git config gpg.format ssh)')
    case 'x509':
      return refuse('is signed with X.509, which is never taken; sign it with ssh (git config gpg.format ssh)')
    case 'other':
      return refuse('is signed in a way that is not known here; sign it with ssh (git config gpg.format ssh)')
    case 'ssh':
      break
  }
  try {
    await askGit([...copy.at, 'verify-commit', '--end-of-options', commit], call)
  } catch (error) {
    call.signal.throwIfAborted()
    if (!(error instanceof GitTrouble)) throw error
    refuse(
      'is signed with a key that is not among the signers of the controller, or was not good at its date; add the key to the file of --signers',
    )
  }
  if (fresh && !(await isGoodNow(copy, { ...signed, signers }, call)))
    refuse(
      'is signed with a key that has run out, or does not count yet (valid-before, valid-after); sign it with another',
    )
}

interface Signed {
  signature: string
  payload: string
}

const sortOf = (signature: string): 'none' | 'ssh' | 'openpgp' | 'x509' | 'other' => {
  if (signature === '') return 'none'
  if (signature.startsWith('-----BEGIN SSH SIGNATURE-----')) return 'ssh'
  if (signature.startsWith('-----BEGIN PGP ')) return 'openpgp'
  return signature.startsWith('-----BEGIN SIGNED MESSAGE-----') ? 'x509' : 'other'
}

/**
 * The header with the signature, and the commit without any such header, which is what was signed (gitformat-signature(5)).
 * @param commit as git keeps it, one character a byte
 */
export const signedParts = (commit: string, header: 'gpgsig' | 'gpgsig-sha256'): Signed => {
  const end = commit.indexOf('\n\n')
  const head = end < 0 ? commit : commit.slice(0, end)
  const signature: string[] = []
  const rest: string[] = []
  let inside = ''
  for (const line of head.split('\n')) {
    if (!line.startsWith(' ')) inside = line.slice(0, line.indexOf(' '))
    if (inside === header) signature.push(line.slice(line.startsWith(' ') ? 1 : header.length + 1))
    else if (!inside.startsWith('gpgsig')) rest.push(line)
  }
  return { signature: signature.join('\n'), payload: rest.join('\n') + commit.slice(head.length) }
}

/** The same question to ssh-keygen as git asks it, at this moment instead of the date in the commit (ssh-keygen(1), `-Y find-principals`, `-Y verify`). */
const isGoodNow = async (
  { folder }: GitCopy,
  { signature, payload, signers }: Signed & { signers: string },
  call: GitCall,
): Promise<boolean> => {
  const file = join(folder, 'signature')
  await writeFile(file, `${signature}\n`, { mode: 0o600 })
  const ask = (args: string[], give?: Buffer): Promise<string | undefined> =>
    askGit(args, { ...call, program: 'ssh-keygen' }, undefined, give).catch(error => {
      call.signal.throwIfAborted()
      if (!(error instanceof GitTrouble)) throw error
      return undefined
    })
  try {
    const principals = await ask(['-Y', 'find-principals', '-s', file, '-f', signers])
    for (const principal of principals?.split('\n').filter(line => line !== '') ?? []) {
      const verify = ['-Y', 'verify', '-n', 'git', '-f', signers, '-I', principal, '-s', file]
      if ((await ask(verify, Buffer.from(payload, 'latin1'))) !== undefined) return true
    }
    return false
  } finally {
    await rm(file, { force: true })
  }
}
