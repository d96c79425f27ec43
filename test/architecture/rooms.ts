/** What a room of `src/` may import: from `all` anything, from `types` with `import type` only. */
export interface Room {
  all: readonly string[]
  types?: readonly string[]
}

const leaves = ['directories', 'mail', 'accounts'] as const

/** The rooms and their arrows. A room that is not here is not in `src/`. docs/architecture.md says what each one holds. */
export const rooms: Readonly<Record<string, Room>> = {
  api: { all: [] },
  decide: { all: ['api'] },
  ports: { all: ['api'] },
  manifests: { all: ['api', 'decide'] },
  store: { all: ['api', 'ports'] },
  source: { all: ['api', 'ports', 'decide', 'manifests', 'store'] },
  runtime: { all: ['api', 'ports', 'store'] },
  effects: { all: ['api', 'ports'], types: ['decide', 'store'] },
  reconcilers: { all: ['api', 'decide'], types: ['ports', 'store', 'runtime', 'effects', 'source'] },
  ...Object.fromEntries(leaves.map(leaf => [leaf, { all: ['api', 'ports'] }])),
  portal: { all: ['api', 'ports', 'decide', 'accounts'], types: ['store', 'effects'] },
  telemetry: { all: ['api', 'ports'] },
  app: {
    all: [
      ...[
        'api',
        'decide',
        'ports',
        'manifests',
        'store',
        'source',
        'runtime',
        'effects',
        'reconcilers',
        'portal',
        'telemetry',
      ],
      ...leaves,
    ],
  },
  cli: { all: ['api', 'app'] },
}

/** Rooms of pure functions over plain data, and the built-in modules that would let the world in. */
export const pureRooms: readonly string[] = ['api', 'decide']
export const worldly =
  /^node:(fs|net|http|http2|https|dns|tls|dgram|child_process|worker_threads|cluster|sqlite|timers|process|os|perf_hooks)(\/|$)/

/** Libraries that cost a start more than it may take: reached by `import()` only. */
export const lazyLibraries: readonly string[] = ['@kubernetes/client-node']

/** The library that describes the kinds. It is for build time: only files of `api/` import it, and nothing loads those. */
export const schemaLibrary = 'typebox'

/** Names that say nothing about what is inside: a thing lives in the room of its concept. */
export const emptyFolders: readonly string[] = ['utils', 'util', 'helpers', 'common', 'shared', 'misc']
export const emptyFiles: readonly string[] = ['types.ts', 'utils.ts', 'util.ts', 'helpers.ts', 'common.ts']

/** A file longer than `looked` lines is looked at; one longer than `most` fails, unless it stands in `longFiles`. */
export const lineLimits = { looked: 300, most: 450 } as const

/** Files over `lineLimits.looked` that were looked at and stay, each with the reason. */
export const longFiles: Readonly<Record<string, string>> = {}
