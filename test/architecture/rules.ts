import { posix } from 'node:path'
import { type Import, importsOf } from './imports.ts'
import * as house from './rooms.ts'

/** The files under `src/`: path (as `store/store.ts`) to text. */
export type Sources = Readonly<Record<string, string>>

type Arrow = Import & { from: string; to: string }

/** Imports between rooms that `rooms` does not allow, in words, with file and line. Files outside of every room too. */
export function wrongArrows(sources: Sources): string[] {
  const found = Object.keys(sources)
    .filter(path => !(roomOf(path) in house.rooms))
    .map(path => `${path}: is in no room; the rooms are ${Object.keys(house.rooms).join(', ')}`)
  for (const arrow of arrowsOf(sources)) {
    const [from, to] = [roomOf(arrow.from), roomOf(arrow.to)]
    const room = house.rooms[from]
    if (!room || from === to) continue
    if (arrow.to.startsWith('..')) {
      if (arrow.to !== '../package.json') found.push(`${at(arrow)}: leaves src/ for ${arrow.to}`)
    } else if (room.types?.includes(to)) {
      if (arrow.how !== 'type') found.push(`${at(arrow)}: ${from} may import types only of ${to}; write "import type"`)
    } else if (!room.all.includes(to)) {
      found.push(`${at(arrow)}: ${from} may not import ${arrow.to}`)
    }
  }
  return found
}

/** Imports of libraries and built-in modules that `rooms.ts` forbids where they are. */
export function wrongLibraries(sources: Sources): string[] {
  return Object.entries(sources).flatMap(([from, text]) =>
    importsOf(text).flatMap(({ specifier = '', how, line }) => {
      const where = `src/${from}:${line}`
      if (how === 'static' && house.lazyLibraries.some(library => isOf(specifier, library))) {
        return [`${where}: ${specifier} is imported by import() only`]
      }
      if (how !== 'type' && isOf(specifier, house.schemaLibrary) && roomOf(from) !== 'api') {
        return [`${where}: ${specifier} is for the kinds in api/ and for build time`]
      }
      if (how !== 'type' && house.pureRooms.includes(roomOf(from)) && house.worldly.test(specifier)) {
        return [`${where}: ${roomOf(from)} is pure, and ${specifier} is not`]
      }
      return []
    }),
  )
}

/** Imports outside `api/` that load the schema library at run time, by whatever way through `api/`. */
export function schemaAtRunTime(sources: Sources): string[] {
  const arrows = arrowsOf(sources).filter(({ how }) => how !== 'type')
  const heavy = new Set(
    Object.keys(sources).filter(path =>
      importsOf(sources[path] ?? '').some(
        ({ specifier = '', how }) => how !== 'type' && isOf(specifier, house.schemaLibrary),
      ),
    ),
  )
  for (let before = -1; before !== heavy.size; ) {
    before = heavy.size
    for (const { from, to } of arrows) if (roomOf(from) === 'api' && heavy.has(to)) heavy.add(from)
  }
  return arrows
    .filter(({ from, to }) => roomOf(from) !== 'api' && heavy.has(to))
    .map(
      arrow =>
        `${at(arrow)}: loads ${house.schemaLibrary} through ${arrow.to}; write "import type", or take api/generated`,
    )
}

/** Circles of rooms that import each other's values, each as `a → b → a`. */
export function circles(sources: Sources): string[] {
  const graph = new Map<string, Set<string>>()
  for (const { from, to, how } of arrowsOf(sources)) {
    if (how === 'type' || roomOf(from) === roomOf(to) || to.startsWith('..')) continue
    graph.set(roomOf(from), (graph.get(roomOf(from)) ?? new Set()).add(roomOf(to)))
  }
  const found = new Set<string>()
  const visit = (room: string, path: readonly string[]): void => {
    if (path.includes(room)) {
      const circle = path.slice(path.indexOf(room))
      const start = circle.indexOf([...circle].sort()[0] ?? room)
      const turned = [...circle.slice(start), ...circle.slice(0, start)]
      found.add([...turned, turned[0]].join(' → '))
      return
    }
    for (const next of graph.get(room) ?? []) visit(next, [...path, room])
  }
  for (const room of graph.keys()) visit(room, [])
  return [...found].sort()
}

/** Folders and files whose name says nothing about what is inside. */
export function emptyNames(paths: readonly string[]): string[] {
  return paths.filter(path => {
    const folders = path.split('/')
    const file = folders.pop() ?? ''
    return house.emptyFiles.includes(file) || folders.some(folder => house.emptyFolders.includes(folder))
  })
}

/** The arrows between the files of `src/`: relative imports, resolved. */
function arrowsOf(sources: Sources): Arrow[] {
  return Object.entries(sources).flatMap(([from, text]) =>
    importsOf(text)
      .filter(({ specifier }) => specifier?.startsWith('.'))
      .map(found => ({ ...found, from, to: posix.join(posix.dirname(from), found.specifier ?? '') })),
  )
}

function roomOf(path: string): string {
  return path.split('/')[0] ?? ''
}

function isOf(specifier: string, library: string): boolean {
  return specifier === library || specifier.startsWith(`${library}/`)
}

function at({ from, line }: Arrow): string {
  return `src/${from}:${line}`
}
