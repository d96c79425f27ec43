/** What is wrong at one place, as ajv says it. */
export interface ValidationError {
  /** JSON pointer (RFC 6901) to the value. */
  instancePath: string
  /** `type`, `required`, `additionalProperties`, `enum`, `pattern`, `minLength`, … */
  keyword: string
  params: Record<string, unknown>
  message?: string
}

/** Checks a value; `errors` holds all that is wrong with the last one, and null when nothing is. */
export interface Validator {
  (value: unknown): boolean
  errors?: ValidationError[] | null
}
