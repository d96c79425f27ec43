import { ServiceTrouble } from './trouble.ts'

const STRANGER = 'is signed by nobody whom we trust; name its authority in caSecretRef'
const CERTIFICATES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired; renew it there',
  CERT_NOT_YET_VALID: 'is not valid yet; look at the clocks',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name; use that name in url, or make a certificate for this one',
  DEPTH_ZERO_SELF_SIGNED_CERT: STRANGER,
  SELF_SIGNED_CERT_IN_CHAIN: STRANGER,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: STRANGER,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: STRANGER,
  CERT_SIGNATURE_FAILURE: STRANGER,
}

/**
 * What an error of a connection means: `Unreachable` may pass by itself, everything else does not.
 * @param server for people
 */
export const brokenConnection = (error: unknown, server: string): ServiceTrouble => {
  if (error instanceof ServiceTrouble) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const certificate = CERTIFICATES[code]
  if (certificate) return new ServiceTrouble('NotAllowed', `the certificate of ${server} ${certificate}`)
  if (code === 'ECONNREFUSED')
    return new ServiceTrouble('Unreachable', `${server} accepts no connections; look whether it runs, and at the port`)
  if (/^ERR_SSL|^ERR_TLS|^EPROTO/.test(code))
    return new ServiceTrouble('NotAllowed', `${server} and we do not agree on TLS (${code}); it needs TLS 1.2 or newer`)
  return new ServiceTrouble(
    'Unreachable',
    `the connection to ${server} broke${code ? ` (${code})` : ''}; it is tried again`,
  )
}

/** @throws ServiceTrouble where it is no certificate in PEM */
export const mustBeCertificate = (pem: string | undefined): void => {
  if (pem !== undefined && !pem.includes('-----BEGIN CERTIFICATE-----'))
    throw new ServiceTrouble('InvalidSpec', 'what caSecretRef names is no certificate in PEM; correct the secret')
}
