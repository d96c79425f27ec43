export type { Permit } from '../decide/permit.ts'
