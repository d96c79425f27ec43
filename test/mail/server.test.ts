import { describe, expect, it } from 'vitest'
import { MailSettingsError } from '../../src/mail/errors.ts'
import { mailServer } from '../../src/mail/server.ts'

describe('the URL of a mail server', () => {
  it.each([
    [
      'smtp://mail.acme.example',
      { host: 'mail.acme.example', port: 587, tls: 'Required', binding: 'smtp://mail.acme.example:587' },
    ],
    [
      'smtp://it%40acme.example@mail.acme.example:2525',
      {
        host: 'mail.acme.example',
        port: 2525,
        tls: 'Required',
        user: 'it@acme.example',
        binding: 'smtp://mail.acme.example:2525',
      },
    ],
    [
      'smtps://roster@Mail.Acme.Example/',
      {
        host: 'mail.acme.example',
        port: 465,
        tls: 'Implicit',
        user: 'roster',
        binding: 'smtps://mail.acme.example:465',
      },
    ],
    ['smtp://localhost:1025', { host: 'localhost', port: 1025, tls: 'Offered', binding: 'smtp://localhost:1025' }],
    ['smtp://127.0.0.1:25?tls=never', { host: '127.0.0.1', port: 25, tls: 'Never', binding: 'smtp://127.0.0.1:25' }],
    ['smtp://[::1]:25', { host: '::1', port: 25, tls: 'Offered', binding: 'smtp://[::1]:25' }],
    [
      'smtp://roster@localhost',
      { host: 'localhost', port: 587, tls: 'Required', user: 'roster', binding: 'smtp://localhost:587' },
    ],
    [
      'smtp://roster@localhost?tls=never',
      { host: 'localhost', port: 587, tls: 'Never', user: 'roster', binding: 'smtp://localhost:587' },
    ],
    [
      'smtp://relay.acme.example:25?tls=offered',
      { host: 'relay.acme.example', port: 25, tls: 'Offered', binding: 'smtp://relay.acme.example:25' },
    ],
    [
      'smtp://mäil.example',
      { host: 'xn--mil-qla.example', port: 587, tls: 'Required', binding: 'smtp://xn--mil-qla.example:587' },
    ],
  ])('%s', (url, expected) => {
    expect(mailServer(url)).toEqual(expected)
  })

  it.each([
    ['mail.acme.example', /must be a URL like smtp:/],
    ['http://mail.acme.example', /must be a URL like smtp:/],
    ['smtp://roster:hunter2@mail.acme.example', /put it into the secret "smtp"/],
    ['smtp://mail.acme.example/path', /ends after the port/],
    ['smtp://mail.acme.example?pool=true', /there is only "tls"/],
    ['smtp://mail.acme.example?tls=maybe', /tls=required, tls=offered or tls=never/],
    ['smtp://mail.acme.example?tls=constructor', /tls=required, tls=offered or tls=never/],
    ['smtps://mail.acme.example?tls=never', /write smtp:/],
    ['smtp://roster@mail.acme.example?tls=never', /plain text/],
    ['smtp://roster@mail.acme.example?tls=offered', /plain text/],
    ['smtp://roster@localhost?tls=offered', /plain text/],
    ['smtp://a%0Ab@mail.acme.example', /cannot be read/],
    ['smtp://mail.acme.example:0', /between 1 and 65535/],
    ['smtp://', /./],
  ])('%s is refused', (url, message) => {
    expect(() => mailServer(url)).toThrow(MailSettingsError)
    expect(() => mailServer(url)).toThrow(message)
    expect(() => mailServer(url)).toThrow(expect.not.objectContaining({ message: expect.stringContaining('hunter2') }))
  })
})
