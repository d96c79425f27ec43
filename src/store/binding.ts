import type { Binding } from './store.ts'

/** What is bound, what was asked for, and the way out. */
export const bindingText = (bound: Binding, wanted: Binding): string => {
  const differing =
    bound.mail === wanted.mail
      ? `the public URL ${bound.publicUrl}, not ${wanted.publicUrl}`
      : `mail to ${bound.mail}, not ${wanted.mail}`
  return `this store is bound to ${differing}; links and invitations out there depend on it. Start with the old value, or with --rebind`
}
