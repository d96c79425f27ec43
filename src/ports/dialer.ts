/**
 * Finds out where a connection may go: a name is resolved, the address checked, and then exactly that address connected to,
 * so that a name cannot be checked as one address and used as another.
 */
export interface Dialer {
  /** @throws DialError when the name cannot be resolved or leads to an address that is not allowed */
  resolve(host: string): Promise<{ address: string; family: 4 | 6 }>
}
