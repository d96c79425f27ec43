import { describe, expect, it } from 'vitest'
import { partNamed, parts, partsFor } from '../../scripts/parts.mjs'

describe('the parts', () => {
  it('that a run needs are those of the folders it names', () => {
    expect(partsFor(['--project', 'unit'])).toEqual([])
    expect(partsFor(['test/decide'])).toEqual([])
    expect(partsFor(['-t', 'a name']).length).toBe(partsFor([]).length)
  })

  it('have a remedy each', () => {
    for (const part of parts) expect(part.remedy).not.toBe('')
  })

  it('are known by name', () => {
    expect(partNamed('chromium').name).toBe('chromium')
    expect(() => partNamed('chromum')).toThrow('scripts/parts.mjs')
  })
})
