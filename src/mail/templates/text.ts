import type { Block, Letter } from './letter.ts'

/** A letter as plain text: lines of at most 76 characters where words allow it, links on lines of their own. */
export function letterText({ heading, blocks, footer }: Letter): string {
  const parts = [
    heading,
    '-'.repeat(Math.min(76, [...heading].length)),
    ...blocks.flatMap(block => ['', ...linesOf(block)]),
    '',
    '-- ',
    ...footer.flatMap(({ text, url }) => wrapped(url === undefined ? text : `${text} ${url}`)),
  ]
  return `${parts.join('\n')}\n`
}

function linesOf(block: Block): string[] {
  switch (block.is) {
    case 'paragraph':
      return block.text.split('\n').flatMap(line => wrapped(line))
    case 'quote':
      return [...wrapped(block.by), '', ...block.text.split('\n').flatMap(line => wrapped(line, '> '))]
    case 'facts': {
      const width = Math.max(...block.facts.map(({ label }) => [...label].length)) + 2
      return block.facts.flatMap(({ label, value }) => wrapped(value, ' '.repeat(width), `${label}:`.padEnd(width)))
    }
    case 'action':
      return [`${block.label}:`, '', block.url, '', ...wrapped(block.hint)]
    case 'links':
      return [`${block.title}:`, ...block.links.flatMap(({ title, url }) => ['', ...wrapped(title), url])]
    case 'list':
      return [
        `${block.title}:`,
        '',
        ...block.items.flatMap(({ title, text }) =>
          wrapped(text === undefined ? title : `${title}: ${text}`, '  ', '- '),
        ),
      ]
    case 'codes':
      return block.codes.map(code => `    ${code}`)
  }
}

/** Breaks a line at spaces. Words are never broken: they may be addresses. */
function wrapped(line: string, indent = '', first = indent): string[] {
  const lines: string[] = []
  let current = first
  for (const word of line.split(' ')) {
    const start = lines.length === 0 ? first : indent
    if (current === start) current += word
    else if ([...current].length + 1 + [...word].length <= 76) current += ` ${word}`
    else {
      lines.push(current.trimEnd())
      current = indent + word
    }
  }
  return [...lines, current.trimEnd()]
}
