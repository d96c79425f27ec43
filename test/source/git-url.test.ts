import { describe, expect, it } from 'vitest'
import { GitRefused, troubleOf } from '../../src/source/git-trouble.ts'
import { type GitAddress, gitAddress, gitPath, gitRef, parseGitUrl } from '../../src/source/git-url.ts'
import fc from '../properties.ts'

describe('an argument that may be a repository', () => {
  it.each([
    ['https://git.example/acme/people.git', { url: 'https://git.example/acme/people.git' }],
    ['https://git.example/p.git#main', { url: 'https://git.example/p.git', ref: 'main' }],
    [
      'https://git.example/p.git#release/1:people',
      { url: 'https://git.example/p.git', ref: 'release/1', path: 'people' },
    ],
    ['https://git.example/p.git#:people', { url: 'https://git.example/p.git', path: 'people' }],
    ['git@git.example:acme/people.git#v1', { url: 'git@git.example:acme/people.git', ref: 'v1' }],
    ['file:///srv/p.git', { url: 'file:///srv/p.git' }],
    ['ext::sh -c id', { url: 'ext::sh -c id' }],
    ['gopher://x/y', { url: 'gopher://x/y' }],
  ])('%s is one', (text, parsed) => {
    expect(parseGitUrl(text)).toEqual(parsed)
  })
  it.each([
    'https://user:canary@git.example/p.git#main',
    'https://canary@git.example/p.git',
    'ssh://git:canary@git.example/p',
  ])('%s is refused before it is kept anywhere, and its credentials are not repeated', text => {
    expect(() => parseGitUrl(text)).toThrow(GitRefused)
    expect(() => parseGitUrl(text)).toThrow(/^(?!.*canary).*holds credentials/)
  })
  it.each(['people', './people', '/srv/people', '-', 'C:\\people', 'a:b', 'users/a@b.yaml'])('%s is a path', text => {
    expect(parseGitUrl(text)).toBeUndefined()
  })
})

describe('the address of a repository', () => {
  it.each([
    [
      'https://Git.Example/acme/p.git',
      { scheme: 'https', host: 'git.example', port: 443, url: 'https://git.example/acme/p.git' },
    ],
    ['http://[::1]:8080/p', { scheme: 'http', host: '[::1]', port: 8080, url: 'http://[::1]:8080/p' }],
    [
      'ssh://git@git.example:2222/p',
      { scheme: 'ssh', host: 'git.example', port: 2222, url: 'ssh://git@git.example:2222/p' },
    ],
    ['git@git.example:acme/p.git', { scheme: 'ssh', host: 'git.example', port: 22, url: 'git@git.example:acme/p.git' }],
    ['/srv/a b/p.git'.replace(' ', '_'), { scheme: 'file', url: 'file:///srv/a_b/p.git' }],
    ['file:///srv/../srv/p.git', { scheme: 'file', url: 'file:///srv/p.git' }],
  ])('%s is understood', (text, address) => {
    expect(gitAddress(text)).toEqual(address)
  })
})

describe('any text', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.webUrl({ withFragments: true, withQueryParameters: true }),
    fc
      .tuple(
        fc.constantFrom('https://', 'ssh://', 'file://', 'ext::', '-', 'git@', '', 'http://u:p@'),
        fc.stringMatching(/^[-a-z0-9@:%./?#~[\]*^ ]{0,30}$/),
      )
      .map(([scheme, rest]) => scheme + rest),
  )
  it('is an address that git can be given, or is refused', () => {
    fc.assert(
      fc.property(hostile, text => {
        let address: GitAddress
        try {
          address = gitAddress(text)
        } catch (error) {
          expect(error).toBeInstanceOf(GitRefused)
          return
        }
        const helper = /^[a-z0-9+.-]+::/i
        expect(address.url.startsWith('-') || helper.test(address.url)).toBe(false)
        if (address.scheme !== 'file') expect(address.host).toMatch(/^[a-z0-9[]/)
        if (address.scheme === 'http' || address.scheme === 'https')
          expect(address.url).not.toContain('@'.concat(address.host))
        // What is given to git is understood the same when it is read again.
        expect(gitAddress(address.url)).toEqual(address)
      }),
      { numRuns: 2000 },
    )
  })
  it('is a ref and a path that stay inside, or is refused', () => {
    fc.assert(
      fc.property(hostile, text => {
        for (const check of [gitRef, gitPath])
          try {
            const checked = check(text)
            if (typeof checked === 'string') expect(checked.split('/')).not.toContain('..')
            else expect(JSON.stringify(checked)).not.toMatch(/:"-|[*?~^]|\.\./)
          } catch (error) {
            if (!(error instanceof GitRefused)) throw error
          }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a ref', () => {
  it.each(['main', 'HEAD', 'release/1.2', 'refs/tags/v1', 'feature#1', 'ünï'])('may be %s', text => {
    expect(gitRef(text)).toEqual({ name: text })
  })
  it('of 40 or 64 hexadecimal digits is a commit', () => {
    expect(gitRef('A'.repeat(40))).toEqual({ commit: 'a'.repeat(40) })
    expect(gitRef('0'.repeat(64))).toEqual({ commit: '0'.repeat(64) })
    expect(gitRef('a'.repeat(39))).toEqual({ name: 'a'.repeat(39) })
  })
})

describe('a path', () => {
  it.each([
    ['.', ''],
    ['', ''],
    ['./a//b/', 'a/b'],
    ['-a/...', '-a/...'],
  ])('%s is %s', (text, path) => {
    expect(gitPath(text)).toBe(path)
  })
})

describe('what git says', () => {
  it.each([
    ["fatal: could not read Username for 'https://x': terminal prompts disabled", 'CredentialsRefused'],
    ["fatal: Authentication failed for 'https://x/'", 'CredentialsRefused'],
    ['git@x: Permission denied (publickey).\nfatal: Could not read from remote repository.', 'CredentialsRefused'],
    ["fatal: repository 'https://x/' not found", 'Unreachable'],
    ["fatal: unable to access 'https://x/': Could not resolve host: x", 'Unreachable'],
    ["fatal: unable to access 'https://x/': The requested URL returned error: 503", 'Unreachable'],
    ["fatal: unable to access 'https://x/': The requested URL returned error: 301", 'NotAllowed'],
    ["fatal: transport 'ext' not allowed", 'NotAllowed'],
    ['Host key verification failed.', 'NotAllowed'],
    ["fatal: detected dubious ownership in repository at '/x'", 'NotAllowed'],
    ['fatal: remote error: upload-pack: not our ref 00', 'RevisionNotFound'],
    ['error: file write error: No space left on device', 'Retrying'],
    ['', 'Unreachable'],
  ])('%j means %s', (said, reason) => {
    expect(troubleOf(said).reason).toBe(reason)
  })
  it('is repeated on one line, short, harmless and without secrets', () => {
    const { message } = troubleOf(
      `remote: hi\u001b[31m\u202e\nfatal: https://me:tok@x refused tok-1 dG9r\n${'error: x\n'.repeat(200)}`,
      ['tok-1', 'dG9r'],
    )
    expect(message).toContain('fatal: https://x refused [secret] [secret]')
    for (const unsafe of ['\u001b', '\u202e', '\n']) expect(message).not.toContain(unsafe)
    expect(message.length).toBeLessThan(500)
  })
})
