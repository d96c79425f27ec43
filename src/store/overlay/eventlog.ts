import { refText } from '../../api/resource.ts'
import type { EventLog, ResourceStore, StoreEvent } from '../store.ts'

const DEFAULT_LIMIT = 1_000

/** Events of an overlay: its own, and below them those of the base as they are now. */
export const overlayEventLog = (base: ResourceStore, own: Map<string, StoreEvent>, fence: () => void): EventLog => ({
  record: async ({ ref, type, reason, message, time }) => {
    fence()
    const key = `${refText(ref)} ${reason}`
    const before = own.get(key)
    const lastTime = before && before.lastTime > time ? before.lastTime : time
    // Taken out first, so that the map's order is the order of time.
    own.delete(key)
    own.set(key, {
      ref: { ...ref },
      type,
      reason,
      message,
      firstTime: before?.firstTime ?? time,
      lastTime,
      count: (before?.count ?? 0) + 1,
    })
  },
  list: async (filter = {}) => {
    const { ref, since, limit = DEFAULT_LIMIT } = filter
    const matching = [...own.values()].filter(
      event =>
        (ref === undefined || (event.ref.kind === ref.kind && event.ref.name === ref.name)) &&
        (ref?.uid === undefined || event.ref.uid === undefined || event.ref.uid === ref.uid) &&
        (since === undefined || event.lastTime >= since),
    )
    const below = await base.events.list(filter)
    return [...matching.reverse().map(event => ({ ...event, ref: { ...event.ref } })), ...below]
      .sort((a, b) => (a.lastTime > b.lastTime ? -1 : a.lastTime < b.lastTime ? 1 : 0))
      .slice(0, limit)
  },
})
