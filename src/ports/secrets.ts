/** Reads secrets that resources name. A secret says who may use it and where it may be sent; without that it is not given out. */
export interface SecretReader {
  /**
   * @param audience the resource that asks, `licensepool/suite`, compared with the secret's `used-by`
   * @throws SecretError not found, or not meant for this audience
   */
  read(ref: { name: string; key: string }, audience: string): Promise<Secret>
}

export interface Secret {
  /** Never in logs, resources, plans, errors. */
  readonly value: string
  /** Hosts that it may be sent to; empty: none. */
  readonly hosts: readonly string[]
}
