import { describe, expect, it } from 'vitest'
import { splitDocuments } from '../../src/manifests/documents.ts'
import fc from '../properties.ts'

const parts = (text: string): string[] => splitDocuments(text).map(({ start, end }) => text.slice(start, end))

describe('a stream of documents', () => {
  it.each<[string, string[]]>([
    ['a: 1\n', ['a: 1\n']],
    ['a: 1\n---\nb: 2\n', ['a: 1\n', '---\nb: 2\n']],
    ['---\na: 1\n--- # second\nb: 2', ['---\na: 1\n', '--- # second\nb: 2']],
    ['a: |\n  x\n---\nb: 2', ['a: |\n  x\n', '---\nb: 2']],
    ['a: x---\n ---\n---x\nb: ---', ['a: x---\n ---\n---x\nb: ---']],
    ['a: 1\r\n---\r\nb: 2\r---\rc: 3', ['a: 1\r\n', '---\r\nb: 2\r', '---\rc: 3']],
    ['%YAML 1.2\n---\na: 1', ['%YAML 1.2\n---\na: 1']],
    ['a: 1\n...\n# note\n%YAML 1.2\n---\nb: 2', ['a: 1\n...\n# note\n', '%YAML 1.2\n---\nb: 2']],
    ['---\n---\n---', ['---\n', '---\n', '---']],
    ['"a\u2028---\u2028b"', ['"a\u2028---\u2028b"']],
    ['\n---\na: 1', ['\n', '---\na: 1']],
    ['\r\n%YAML 1.2\r\n---\r\na: 1', ['\r\n', '%YAML 1.2\r\n---\r\na: 1']],
    ['', ['']],
  ])('%j is cut at its markers', (text, expected) => {
    expect(parts(text).filter((part, index) => part !== '' || index > 0 || text === '')).toEqual(expected)
  })

  it('loses nothing', () => {
    const words = fc.constantFrom('---', '\n', '\r', ' ', 'a: 1', '%YAML 1.2', '#', '...', '|', '"')
    fc.assert(
      fc.property(
        fc.array(words).map(all => all.join('')),
        text => parts(text).join('') === text,
      ),
    )
  })
})
