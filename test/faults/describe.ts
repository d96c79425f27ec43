import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Kind } from './disturbances.ts'
import { openPost, type Post } from './post.ts'
import type { Story } from './stories.ts'
import { type Disturbance, type Told, tell } from './telling.ts'

/**
 * Every story, with every kind of trouble, at every place where it can be: the world comes to what it comes to undisturbed, nobody is mailed what they would not
 * have been, once each (twice, as the same mail, only where the answer of the mail server was lost), no seat is given twice at any moment, and another pass
 * at the end writes nothing.
 */
export const describeFaults = (
  stories: readonly Story[],
  kinds: readonly Kind[],
  /** Of the places where something can go wrong, every so many only. */
  sampled = 1,
): void => {
  let post: Post
  beforeAll(async () => {
    post = await openPost()
  })
  afterAll(() => post[Symbol.asyncDispose]())

  describe.each(stories.map(story => [story.name, story] as const))('the story “%s”', (_, story) => {
    let undisturbed: Told
    beforeAll(async () => {
      undisturbed = await tell(story, {}, { post })
    })

    it('has an end to compare with', () => {
      expect(undisturbed.counts.writes).toBeGreaterThan(5)
      expect(problemsOf(undisturbed, undisturbed, {})).toEqual([])
    })

    it.each(kindsOf(story, kinds).map(kind => [kind.name, kind] as const))(
      'ends the same when it %s',
      async (_, { at }) => {
        const wrong: string[] = []
        for (const disturbance of at(undisturbed).filter((_, index) => index % sampled === 0)) {
          const told = await tell(story, disturbance, { post })
          const problems = problemsOf(told, undisturbed, disturbance)
          if (problems.length === 0) continue
          wrong.push(`${textOf(disturbance)}: ${problems.join('; ')}`)
          // The first difference in full.
          if (wrong.length === 1) expect.soft(told.outcome).toEqual(undisturbed.outcome)
        }
        expect(wrong).toEqual([])
      },
      300_000,
    )
  })
}

/** What can go wrong in a story. */
export const kindsOf = (story: Story, kinds: readonly Kind[]): Kind[] =>
  kinds.filter(({ loses }) => !(loses && story.atOnce))

/** What is wrong with how a story ended. */
export const problemsOf = (told: Told, undisturbed: Told, disturbance: Disturbance): string[] => {
  const problems: string[] = []
  if (disturbance.crash && !told.counts.crashed) problems.push('nothing died')
  for (const key of new Set([...Object.keys(told.outcome), ...Object.keys(undisturbed.outcome)]))
    if (!isDeepStrictEqual(told.outcome[key], undisturbed.outcome[key])) problems.push(`${key} is another`)
  const about = ({ mails }: Told) => [...mails.values()].map(mail => mail.about).sort()
  if (!isDeepStrictEqual(about(told), about(undisturbed)))
    problems.push(`other mails: ${about(told)} instead of ${about(undisturbed)}`)
  for (const [key, mail] of told.mails) {
    if (mail.texts > 1) problems.push(`a mail came in ${mail.texts} texts: ${mail.about}`)
    if (mail.copies > (told.unanswered.has(key) ? 2 : 1))
      problems.push(`a mail came ${mail.copies} times: ${mail.about}`)
  }
  if (told.oversold.length > 0) problems.push(`seats were oversold: ${JSON.stringify(told.oversold[0])}`)
  if (told.again.length > 0) problems.push(`another pass wrote ${told.again.join(', ')}`)
  return problems
}

/** A disturbance in words. */
export const textOf = (disturbance: Disturbance): string =>
  JSON.stringify(disturbance, (_, value) => (typeof value === 'function' ? String(value) : value))
