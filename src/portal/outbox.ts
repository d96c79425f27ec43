/** Mails that stayed in a folder instead of being sent; the app serves it from there. */
export interface Outbox {
  /** Newest first. */
  list(): Promise<OutboxEntry[]>
  /** By the file name that {@link Outbox.list} gave; undefined when there is none. */
  read(file: string): Promise<(OutboxEntry & { text: string; html: string }) | undefined>
}

export interface OutboxEntry {
  file: string
  /** Address, with the name where there is one. */
  to: string
  subject: string
  /** RFC 3339. */
  date: string
}

/** What a mail looks like that is for this recipient: `alice` or the whole address. */
export const isFor = (entry: Pick<OutboxEntry, 'to'>, recipient: string): boolean => {
  const address = (/<([^<>]+)>\s*$/.exec(entry.to)?.[1] ?? entry.to).trim().toLowerCase()
  const wanted = recipient.toLowerCase()
  return address === wanted || address.slice(0, address.lastIndexOf('@')) === wanted
}

/** The first link of a mail that leads here: what its button does. */
export const linkOf = (text: string, publicUrl: string): string | undefined =>
  text.match(/https?:\/\/[^\s<>"]+/g)?.find(url => url.startsWith(`${publicUrl}/`))
