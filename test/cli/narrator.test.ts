import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Source } from '../../src/api/source.ts'
import type { User } from '../../src/api/user.ts'
import { narrator } from '../../src/cli/narrator.ts'

const now = new Date(2026, 10, 22, 9, 15, 40).getTime()
const telling = (seats: { pool: string; quantity: number }[] = []) => {
  const lines: string[] = []
  const story = narrator({
    say: line => void lines.push(line),
    now: () => now,
    cwd: '/home/ann',
    nameOf: target =>
      target === 'Membership/m-1' || target === 'address/alice@acme.example' ? 'alice' : (target.split('/')[1] ?? ''),
    seatsOf: () => seats,
  })
  return { story, lines }
}
const because = 'users/alice.yaml:2'
const actor = 'controller'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('the narrator', () => {
  it('tells what happens to one person at once on one line', () => {
    const { story, lines } = telling([{ pool: 'suite', quantity: 1 }])
    const join = {
      action: 'membership.join',
      target: 'Membership/m-1',
      organization: 'acme',
      key: 'join/1',
      actor,
      because,
    }
    const mail = {
      action: 'mail.send',
      target: 'Membership/m-1',
      organization: 'acme',
      key: 'm-1/mails/welcome',
      actor,
      because,
    }
    story.hear({ ...join, phase: 'intent' })
    story.hear({ ...join, phase: 'result', after: { joined: { how: 'Link' } } })
    vi.advanceTimersByTime(300)
    story.hear({
      action: 'access.grant',
      target: 'User/alice',
      organization: 'acme',
      phase: 'change',
      actor,
      because,
      after: { roles: ['editor', 'billing'] },
    })
    vi.advanceTimersByTime(300)
    story.hear({ ...mail, phase: 'intent', after: { template: 'welcome', to: 'alice@acme.example' } })
    story.hear({ ...mail, phase: 'result', after: { outcome: 'Sent' } })
    expect(lines).toEqual([])
    vi.advanceTimersByTime(400)
    expect(lines).toEqual(['09:15:40 alice joined acme: editor, billing · 1 seat of suite · welcome mail sent'])
  })

  it('does not wait for ever while more and more comes', () => {
    const { story, lines } = telling()
    for (let at = 0; at < 10; at++) {
      story.hear({
        action: 'access.grant',
        target: 'User/alice',
        phase: 'change',
        actor,
        because,
        after: { roles: [`r${at}`] },
      })
      vi.advanceTimersByTime(250)
    }
    expect(lines).toHaveLength(1)
  })

  it('says why a mail was not sent, and escapes what a server answered', () => {
    const { story, lines } = telling()
    const mail = { action: 'mail.send', target: 'Membership/m-1', key: 'k', actor, because }
    story.hear({ ...mail, phase: 'intent', after: { template: 'invitation', to: 'alice@acme.example' } })
    story.hear({ ...mail, phase: 'result', after: { outcome: 'Refused', response: '550 no\u001b[31m' } })
    story.flush()
    expect(lines).toEqual(['09:15:40 alice mail not sent (Refused: 550 no\\u001b[31m)'])
  })

  it('names documents that a source changed, many of them by number, and no change that is none', () => {
    const { story, lines } = telling()
    const user = (name: string, generation: number): User =>
      ({
        kind: 'User',
        metadata: {
          name,
          generation,
          labels: { 'roster.dev/source': 'default' },
          annotations: { 'roster.dev/source-path': `users/${name}.yaml:2` },
        },
      }) as unknown as User
    story.see({ before: user('priya', 1), after: user('priya', 2) })
    story.see({ before: user('kim', 1), after: user('kim', 1) })
    story.flush()
    expect(lines).toEqual(['09:15:40 user priya changed (users/priya.yaml:2)'])
    for (let at = 0; at < 6; at++) story.see({ before: undefined, after: user(`p${at}`, 1) })
    story.flush()
    expect(lines[1]).toBe('09:15:40 resources: 6 added')
  })

  it('tells trouble with a source from where the person stands, once, and that it is over', () => {
    const { story, lines } = telling()
    const source = (status: 'True' | 'False', message: string): Source =>
      ({
        kind: 'Source',
        metadata: { name: 'default' },
        spec: { folder: { path: '/home/ann/acme' } },
        status: { conditions: [{ type: 'Synced', status, message }] },
      }) as unknown as Source
    const fine = source('True', 'revision sha256:1: 22 resources')
    const broken = source(
      'False',
      'users/x.yaml:7:5: bad indentation. Nothing of this revision is applied; run roster validate',
    )
    story.see({ before: fine, after: broken })
    story.see({ before: broken, after: broken })
    story.see({ before: broken, after: fine })
    story.see({
      before: fine,
      after: source('True', 'revision sha256:2: 22 resources; 2 resources stay, because prune is off'),
    })
    story.flush()
    expect(lines).toEqual([
      '09:15:40 ! acme/users/x.yaml:7:5: bad indentation. Nothing of this revision is applied; run roster validate',
      '09:15:40 ✓ acme is read again: 22 resources',
      '09:15:40 ! 2 resources stay, because prune is off',
    ])
  })

  it('says once that something is held in an organization, and how it is released', () => {
    const { story, lines } = telling()
    const acme = (message: string | undefined) =>
      ({
        kind: 'Organization',
        metadata: { name: 'acme' },
        spec: {},
        status: { conditions: message === undefined ? [] : [{ type: 'RemovalsHeld', status: 'True', message }] },
      }) as never
    const held = acme('6 people keep what source/people takes; an Approval of it releases it')
    story.see({ before: acme(undefined), after: held })
    story.see({ before: held, after: held })
    story.see({ before: held, after: acme(undefined) })
    story.flush()
    expect(lines).toEqual(['09:15:40 ! acme: 6 people keep what source/people takes; an Approval of it releases it'])
  })

  it('says once what keeps a changed document from being made so', () => {
    const { story, lines } = telling()
    const priya = (message: string, status: 'True' | 'False'): User =>
      ({
        apiVersion: 'roster.dev/v1alpha1',
        kind: 'User',
        metadata: { name: 'priya', annotations: { 'roster.dev/source-path': 'users/priya.yaml:3' } },
        spec: { email: 'priya@acme.example' },
        status: { conditions: [{ type: 'Stalled', status, reason: 'ReferenceNotFound', message }] },
      }) as unknown as User
    const stalled = priya('role viewr does not exist', 'True')
    story.see({ before: priya('', 'False'), after: stalled })
    story.see({ before: stalled, after: stalled })
    story.see({ before: stalled, after: priya('', 'False') })
    story.flush()
    expect(lines).toEqual(['09:15:40 ! user priya: role viewr does not exist (users/priya.yaml:3)'])
  })
})
