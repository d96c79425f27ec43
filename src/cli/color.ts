import picocolors from 'picocolors'

/** Colours, or none. */
export const colors = (on: boolean): ReturnType<typeof picocolors.createColors> => picocolors.createColors(on)
