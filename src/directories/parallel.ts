/**
 * Does the work for each item, several at a time, and begins no more once one failed: a service that is gone is not asked hundreds of times in vain.
 * Ends when all that was begun has ended.
 * @param most at a time
 * @throws what failed first
 */
export const inParallel = async <Item, Value>(
  items: readonly Item[],
  most: number,
  work: (item: Item) => Promise<Value>,
): Promise<Value[]> => {
  const done: Value[] = []
  const left = items.entries()
  let failed: { error: unknown } | undefined
  const worker = async () => {
    for (const [at, item] of left) {
      try {
        done[at] = await work(item)
      } catch (error) {
        failed ??= { error }
      }
      if (failed) return
    }
  }
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker))
  if (failed) throw failed.error
  return done
}
