declare const issued: unique symbol

/**
 * Leave to take something from somebody. Only the guard's decision makes one ({@link issuePermit} is called in one place, `reconcilers/permits.ts`),
 * so an effect that takes something cannot even be compiled without it.
 */
export interface Permit {
  readonly [issued]: true
  /** Why the loss is allowed: a reason for people, shown in the audit trail. */
  readonly because: string
  /** `source/people@3f2a`, `controller`: whose change causes it. */
  readonly producer: string
}

/** Turns the decision of the guard into a permit. */
export const issuePermit = (decision: { because: string; producer: string }): Permit =>
  Object.freeze({ ...decision }) as unknown as Permit
