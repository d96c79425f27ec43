import { parseAst } from 'vitest/node'

/** One import of a file, of whatever form: `import`, `export … from`, `import()`, or `import('…').X` as a type. */
export interface Import {
  /** As written, `./store.ts` or `node:fs`; undefined for an `import()` whose argument is no literal. */
  specifier: string | undefined
  /** `type` leaves nothing behind at run time; `lazy` is an `import()`, read when it is reached. */
  how: 'type' | 'static' | 'lazy'
  /** Counted from 1. */
  line: number
}

/**
 * Reads the imports of a TypeScript text. `import { type X } from` is *static*: type stripping leaves the import itself,
 * which loads the module.
 *
 * @throws SyntaxError for a text that is no TypeScript
 */
export function importsOf(text: string): Import[] {
  const found: Import[] = []
  walk(parseAst(text, { lang: 'ts' }), node => {
    const how = howOf(node)
    if (how === undefined || !node.source) return
    const { value } = node.source as { value?: unknown }
    const line = text.slice(0, node.start).split('\n').length
    found.push({ specifier: typeof value === 'string' ? value : undefined, how, line })
  })
  return found
}

interface Node {
  type: string
  start: number
  source?: unknown
  importKind?: string
  exportKind?: string
}

function howOf(node: Node): Import['how'] | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
      return node.importKind === 'type' ? 'type' : 'static'
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return node.exportKind === 'type' ? 'type' : 'static'
    case 'ImportExpression':
      return 'lazy'
    case 'TSImportType':
      return 'type'
    default:
      return undefined
  }
}

function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit)
  } else if (typeof value === 'object' && value !== null) {
    if ('type' in value && typeof value.type === 'string') visit(value as Node)
    for (const child of Object.values(value)) walk(child, visit)
  }
}
