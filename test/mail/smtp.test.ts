import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type SmtpOptions, smtpMailer } from '../../src/mail/smtp.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { OutgoingMail } from '../../src/ports/mailer.ts'
import { fakeClock, settled } from '../fakes/clock.ts'
import { LOCALHOST_CERTIFICATE } from '../peers/certificate.ts'
import { smtpPeer, type Treatment } from '../peers/smtp.ts'
import fc from '../properties.ts'

const mail: OutgoingMail = {
  messageId: '<m-abc.1@roster.example>',
  from: { name: 'Acme IT', address: 'it@acme.example' },
  replyTo: { name: 'Bob Berg', address: 'bob@acme.example' },
  to: { name: 'Alice Ärmel', address: 'alice@acme.example' },
  subject: 'Acme GmbH invites you to CloudHub',
  text: 'Hello Alice,\n\n.a line with a dot\nhttps://roster.example/invitations/v1.token\n',
  html: '<!doctype html><p>Hello Alice</p>',
  language: 'en',
  date: '2026-01-05T09:00:00.000Z',
}
const to = (address: string): OutgoingMail => ({
  ...mail,
  to: { address },
  messageId: `<${address.replace(/[^a-z0-9]/g, '.')}@roster.example>`,
})
/** More than the buffers of two sockets hold, so that its end cannot have gone out when its beginning was not read. */
const huge: OutgoingMail = { ...mail, text: `${'x'.repeat(70)}\n`.repeat(250_000) }

const never = new AbortController().signal
/** No test here waits for a deadline by the wall clock: they move this one. */
const inTime = (clock: Clock) => ({ deadline: clock.now() + 120_000, signal: never })

function mailer(port: number, options: Partial<SmtpOptions> & { clock: Clock }) {
  return smtpMailer({ url: `smtp://localhost:${port}`, ca: LOCALHOST_CERTIFICATE, ...options })
}

describe('a mail over SMTP', () => {
  it('arrives as it was written, for exactly one recipient', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock })
    expect(await transport.send(mail, inTime(clock))).toEqual({ outcome: 'Sent', response: '250 queued as 4711' })
    const [arrived] = peer.mails
    expect(arrived).toMatchObject({ from: 'it@acme.example', to: ['alice@acme.example'] })
    expect(arrived?.parsed).toMatchObject({
      messageId: mail.messageId,
      from: mail.from,
      replyTo: [mail.replyTo],
      to: [mail.to],
      subject: mail.subject,
      date: mail.date,
    })
    expect(arrived?.parsed.text?.trimEnd()).toBe(mail.text.trimEnd())
    expect(transport.binding).toBe(`smtp://localhost:${peer.port}`)
  })

  it('is asked for last whether it may leave, when those before it are done', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock, connections: 1 })
    let asked = 0
    const admit = async () => (++asked > 5 && asked <= 20 ? 'acme is frozen' : undefined)
    const outcomes = Array.from({ length: 20 }, async (_, at) => {
      const delivery = await transport.send(to(`p${at}@acme.example`), { ...inTime(clock), admit })
      return delivery.outcome
    })
    expect(await Promise.all(outcomes)).toEqual([...Array(5).fill('Sent'), ...Array(15).fill('NotSent')])
    expect(peer.mails).toHaveLength(5)
    expect(peer.begun).toBe(5)
    // The connection that was kept is of use.
    expect(await transport.send(to('p5@acme.example'), { ...inTime(clock), admit })).toMatchObject({ outcome: 'Sent' })
  })

  it('is the same bytes when it is sent again', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock })
    await transport.send(mail, inTime(clock))
    await clock.advance(60_000)
    await transport.send(mail, inTime(clock))
    expect(peer.mails[1]?.raw.equals(peer.mails[0]?.raw ?? Buffer.alloc(0))).toBe(true)
  })

  it.each([
    ['defer', 'NotSent', '451 4.7.1 Greylisted, come again in 5 minutes', undefined],
    ['reject', 'Refused', '550 5.1.1 <alice@acme.example>: user unknown', undefined],
    ['sender-refused', 'NotSent', '553 5.7.1 Sender address rejected: not owned by user', undefined],
    ['closing', 'NotSent', '421 4.3.2 Closing down', true],
    ['content-refused', 'Refused', '554 5.7.1 looks like spam', undefined],
    ['content-deferred', 'NotSent', '451 4.3.0 try again later', undefined],
  ] as const)('that the server answers with %s is %s', async (treatment, outcome, response, serverDown) => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock })
    peer.treat(treatment)
    expect(await transport.send(mail, inTime(clock))).toEqual({
      outcome,
      response,
      ...(serverDown ? { serverDown } : {}),
    })
    expect(peer.mails).toEqual([])
    expect(await transport.send(mail, inTime(clock))).toMatchObject({ outcome: 'Sent' })
  })

  it('is NotSent when the server hangs before it took the mail', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock })
    peer.treat('hang-before-data')
    const sending = transport.send(mail, inTime(clock))
    await peer.started(1)
    await clock.advance(120_000)
    expect(await sending).toEqual({
      outcome: 'NotSent',
      serverDown: true,
      response: expect.stringContaining('time for this mail is over'),
    })
    expect(peer.mails).toEqual([])
  })

  it('is NotSent when the line breaks in the middle of it', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock })
    peer.treat('die-in-data')
    expect(await transport.send(huge, inTime(clock))).toMatchObject({ outcome: 'NotSent', serverDown: true })
    expect(peer.mails).toEqual([])
  })

  it('is Unknown when the server read it and never answered', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock })
    peer.treat('hang-after-data')
    const sending = transport.send(mail, inTime(clock))
    await peer.received(1)
    await clock.advance(120_000)
    expect(await sending).toMatchObject({ outcome: 'Unknown' })
    expect(peer.mails).toHaveLength(1)
  })

  it('is Unknown when the line breaks after its end', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock })
    peer.treat('die-after-data')
    expect(await transport.send(mail, inTime(clock))).toMatchObject({ outcome: 'Unknown' })
    expect(peer.mails).toHaveLength(1)
  })

  it('that is larger than the server takes is Refused before it is offered', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer({ size: 1_000 })
    await using transport = mailer(peer.port, { clock })
    expect(await transport.send({ ...mail, text: 'x '.repeat(1_000) }, inTime(clock))).toEqual({
      outcome: 'Refused',
      response: expect.stringContaining('larger than allowed'),
    })
    expect(peer.begun).toBe(0)
  })

  it('that cannot be sent as it is says so and opens no connection', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock })
    for (const address of [
      'a@x.example, b@y.example',
      'a@x.example\r\nRCPT TO:<b@y.example>',
      'a b@x.example',
      '<a@x.example>',
      'group:a@x.example;',
      '"a b"@x.example',
      'a@',
    ]) {
      expect(await transport.send({ ...mail, to: { address } }, inTime(clock))).toMatchObject({ outcome: 'Refused' })
    }
    expect(peer.connections).toBe(0)
  })
})

describe('an outcome', () => {
  it('is the truth, whatever the server does: Sent arrived once, NotSent and Refused never, Unknown at most once', async () => {
    const treatments = fc.constantFrom<Treatment>(
      'accept',
      'accept',
      'defer',
      'reject',
      'sender-refused',
      'closing',
      'content-refused',
      'content-deferred',
      'die-in-data',
      'die-after-data',
      'hang-before-data',
      'hang-after-data',
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(treatments, { maxLength: 30 }),
        fc.integer({ min: 1, max: 4 }),
        async (list, connections) => {
          const clock = fakeClock()
          await using peer = await smtpPeer()
          await using transport = mailer(peer.port, { clock, connections })
          peer.treat(...list)
          const mails = Array.from({ length: 20 }, (_, index) => to(`person${index}@acme.example`))
          let open = mails.length
          const sending = mails.map(one => transport.send(one, inTime(clock)).finally(() => (open -= 1)))
          // time passes only when everything else has come to rest: hangs are all that is left then
          for (let begun = -1; open > 0; begun = peer.begun) {
            await setTimeout(5)
            if (peer.begun === begun) await clock.advance(60_000)
          }
          const outcomes = await Promise.all(sending)
          for (const [index, { outcome }] of outcomes.entries()) {
            const copies = peer.mails.filter(one => one.to[0] === mails[index]?.to.address).length
            if (outcome === 'Sent') expect(copies).toBe(1)
            else if (outcome === 'Unknown') expect(copies).toBeLessThanOrEqual(1)
            else expect(copies).toBe(0)
          }
        },
      ),
      { numRuns: 15 },
    )
  })
})

describe('a stop', () => {
  it('before the end of a mail leaves it NotSent at once', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock })
    peer.treat('hang-before-data')
    const stop = new AbortController()
    const sending = transport.send(mail, { ...inTime(clock), signal: stop.signal })
    await peer.started(1)
    stop.abort(new Error('shutting down'))
    expect(await sending).toMatchObject({ outcome: 'NotSent', response: expect.stringContaining('shutting down') })
  })

  it('after the end of a mail waits a little for the answer', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock, answerGrace: 5_000 })
    peer.treat('hang-after-data')
    const stop = new AbortController()
    const sending = transport.send(mail, { ...inTime(clock), signal: stop.signal })
    let over = false
    void sending.then(() => {
      over = true
    })
    await peer.received(1)
    stop.abort()
    await clock.advance(4_900)
    expect(over).toBe(false)
    await clock.advance(200)
    expect(await sending).toMatchObject({ outcome: 'Unknown' })
  })

  it('leaves mails that still wait in the queue NotSent', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock, connections: 1 })
    peer.treat('hang-before-data')
    const stop = new AbortController()
    const both = [mail, to('bob@acme.example')].map(one =>
      transport.send(one, { ...inTime(clock), signal: stop.signal }),
    )
    await peer.started(1)
    stop.abort()
    expect((await Promise.all(both)).map(({ outcome }) => outcome)).toEqual(['NotSent', 'NotSent'])
    expect(peer.begun).toBe(1)
  })

  it('that came before the mail is NotSent, and so is a deadline that is over', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock })
    expect(await transport.send(mail, { deadline: clock.now() + 1000, signal: AbortSignal.abort() })).toMatchObject({
      outcome: 'NotSent',
    })
    expect(await transport.send(mail, { deadline: clock.now(), signal: never })).toMatchObject({ outcome: 'NotSent' })
    expect(peer.begun).toBe(0)
  })
})

describe('a mail server', () => {
  it('that is not there is down', async () => {
    const clock = fakeClock()
    const closed = createServer().listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const { port } = closed.address() as AddressInfo
    closed.close()
    await once(closed, 'close')
    await using transport = mailer(port, { clock })
    expect(await transport.send(mail, inTime(clock))).toMatchObject({
      outcome: 'NotSent',
      serverDown: true,
      response: expect.stringContaining('ECONNREFUSED'),
    })
    expect(await transport.check(inTime(clock))).toMatchObject({ usable: false })
  })

  it('that never greets is down', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer({ silent: true })
    await using transport = mailer(peer.port, { clock, connectTimeout: 50 })
    expect(await transport.send(mail, inTime(clock))).toMatchObject({ outcome: 'NotSent', serverDown: true })
  })

  it('is asked over STARTTLS where it offers it', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer({ tls: 'StartTls' })
    await using transport = mailer(peer.port, { clock })
    expect(await transport.check(inTime(clock))).toEqual({ usable: true })
    await transport.send(mail, inTime(clock))
    expect(peer.mails[0]?.secure).toBe(true)
  })

  it('is asked over TLS from the first byte with smtps', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer({ tls: 'Implicit' })
    await using transport = mailer(peer.port, { clock, url: `smtps://localhost:${peer.port}` })
    await transport.send(mail, inTime(clock))
    expect(peer.mails[0]?.secure).toBe(true)
    expect(transport.binding).toBe(`smtps://localhost:${peer.port}`)
  })

  it('without the STARTTLS that is required gets nothing', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock, url: `smtp://localhost:${peer.port}?tls=required` })
    expect(await transport.send(mail, inTime(clock))).toMatchObject({ outcome: 'NotSent', serverDown: true })
    expect(peer.begun).toBe(0)
  })

  it.each(['StartTls', 'Implicit'] as const)('whose certificate nobody vouches for gets nothing (%s)', async tls => {
    const clock = fakeClock()
    await using peer = await smtpPeer({ tls })
    await using transport = smtpMailer({
      url: `${tls === 'Implicit' ? 'smtps' : 'smtp'}://localhost:${peer.port}`,
      clock,
    })
    expect(await transport.send(mail, inTime(clock))).toMatchObject({
      outcome: 'NotSent',
      serverDown: true,
      response: expect.stringMatching(/certificate/),
    })
    expect(peer.begun).toBe(0)
  })

  it('is signed in to with the password of the moment, over TLS', async () => {
    const clock = fakeClock()
    const auth = { user: 'it@acme.example', pass: 'correct horse' }
    await using peer = await smtpPeer({ tls: 'StartTls', auth })
    await using transport = mailer(peer.port, {
      clock,
      url: `smtp://it%40acme.example@localhost:${peer.port}`,
      password: async () => auth.pass,
    })
    await transport.send(mail, inTime(clock))
    expect(peer.mails[0]).toMatchObject({ user: auth.user, secure: true })
  })

  it('that refuses the password is down, blames nobody, and the password is not shown', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer({ tls: 'StartTls', auth: { user: 'roster', pass: 'right' } })
    await using transport = mailer(peer.port, {
      clock,
      url: `smtp://roster@localhost:${peer.port}`,
      password: async () => 'wrong-hunter2',
    })
    const delivery = await transport.send(mail, inTime(clock))
    expect(delivery).toMatchObject({
      outcome: 'NotSent',
      serverDown: true,
      response: '535 5.7.8 roster may not use (secret)',
    })
    expect(await transport.check(inTime(clock))).toEqual({ usable: false, response: delivery.response })
  })

  it('that says the password back at a mail is not repeated', async () => {
    const clock = fakeClock()
    const auth = { user: 'roster', pass: 'right-hunter2' }
    await using peer = await smtpPeer({ tls: 'StartTls', auth })
    await using transport = mailer(peer.port, {
      clock,
      url: `smtp://roster@localhost:${peer.port}`,
      password: async () => auth.pass,
    })
    peer.treat('telling', 'telling-after-data')
    expect(await transport.send(mail, inTime(clock))).toMatchObject({
      response: '451 4.7.0 (secret) sent too much today',
    })
    expect(await transport.send(mail, inTime(clock))).toMatchObject({ response: '250 queued for (secret)' })
  })

  it('never sees a password when it offers no encryption', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer({ auth: { user: 'roster', pass: 'right' } })
    let asked = 0
    await using transport = mailer(peer.port, {
      clock,
      url: `smtp://roster@localhost:${peer.port}`,
      password: async () => {
        asked += 1
        return 'right'
      },
    })
    expect(await transport.send(mail, inTime(clock))).toMatchObject({ outcome: 'NotSent', serverDown: true })
    expect(asked).toBe(0)
  })

  it('that takes no international addresses refuses only those', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer({ withoutUtf8: true })
    await using transport = mailer(peer.port, { clock })
    expect(await transport.send(to('jörg@acme.example'), inTime(clock))).toMatchObject({
      outcome: 'Refused',
      response: expect.stringContaining('SMTPUTF8'),
    })
    expect(await transport.send(to('joerg@münchen.example'), inTime(clock))).toMatchObject({ outcome: 'Sent' })
    expect(peer.mails[0]?.raw.toString()).toContain('\r\nTo: joerg@xn--mnchen-3ya.example\r\n')
  })

  it('that takes international addresses gets them', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock })
    expect(await transport.send(to('jörg@acme.example'), inTime(clock))).toMatchObject({ outcome: 'Sent' })
    expect(peer.mails[0]).toMatchObject({
      to: ['jörg@acme.example'],
      parsed: { to: [{ address: 'jörg@acme.example' }] },
    })
  })
})

describe('the connections', () => {
  it('are kept for the next mail, and no more than allowed', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock, connections: 2 })
    const mails = Array.from({ length: 20 }, (_, index) => to(`person${index}@acme.example`))
    const outcomes = await Promise.all(mails.map(one => transport.send(one, inTime(clock))))
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['Sent']))
    expect(peer.connections).toBe(2)
    expect(new Set(peer.mails.flatMap(one => one.to)).size).toBe(20)
  })

  it('that the server closed meanwhile are replaced without a failure', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock, connections: 1 })
    await transport.send(mail, inTime(clock))
    await peer.breakConnections()
    expect(await transport.send(to('bob@acme.example'), inTime(clock))).toMatchObject({ outcome: 'Sent' })
    expect(peer.mails).toHaveLength(2)
  })

  it('that the server gives up at the next mail are replaced without a failure', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock, connections: 1 })
    peer.treat('accept', 'closing')
    await transport.send(mail, inTime(clock))
    expect(await transport.send(to('bob@acme.example'), inTime(clock))).toMatchObject({ outcome: 'Sent' })
    expect(peer.mails.map(one => one.to)).toEqual([['alice@acme.example'], ['bob@acme.example']])
    expect(peer.connections).toBe(2)
  })

  it('are closed after a while without mail', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock, connections: 1, idleTimeout: 1_000 })
    await transport.send(mail, inTime(clock))
    await clock.advance(1_000)
    await transport.send(to('bob@acme.example'), inTime(clock))
    expect(peer.connections).toBe(2)
  })

  it('are not begun for mails whose turn does not come in time', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock, perSecond: 0.001 })
    await transport.send(mail, inTime(clock))
    const sending = transport.send(to('bob@acme.example'), inTime(clock))
    await clock.advance(120_000)
    expect(await sending).toEqual({ outcome: 'NotSent', response: 'not begun: the time for this mail is over' })
    expect(peer.begun).toBe(1)
  })

  it('leave no more mails a second than allowed', async () => {
    const clock = fakeClock()
    await using peer = await smtpPeer()
    await using transport = mailer(peer.port, { clock, connections: 5, perSecond: 2 })
    const sending = Array.from({ length: 5 }, (_, index) =>
      transport.send(to(`person${index}@acme.example`), inTime(clock)),
    )
    await peer.received(1)
    await settled()
    expect(peer.begun).toBe(1)
    await clock.advance(500)
    await peer.received(2)
    await settled()
    expect(peer.begun).toBe(2)
    await clock.advance(1_500)
    await Promise.all(sending)
    expect(peer.mails).toHaveLength(5)
  })
})
