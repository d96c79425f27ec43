import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Bench, isMet, type Row, ratioOf } from './bench.ts'
import { directory } from './directory.ts'
import { github } from './github.ts'
import { imports } from './import.ts'
import { kubernetes } from './kubernetes.ts'
import { pass } from './pass.ts'
import { plan } from './plan.ts'
import { queue } from './queue.ts'
import { scim } from './scim.ts'
import { source } from './source.ts'
import { startup } from './startup.ts'
import { store } from './store.ts'
import { stream } from './stream.ts'
import { takeover } from './takeover.ts'
import { validate } from './validate.ts'
import { who } from './who.ts'

// Benches that measure memory need to collect garbage first, however they were started.
setFlagsFromString('--expose-gc')
Object.assign(globalThis, { gc: runInNewContext('gc') })

/** `npm run bench`, or `npm run bench -- NAME…` for those whose names contain one of the words. */
const benches: readonly Bench[] = [
  queue,
  validate,
  store,
  startup,
  pass,
  plan,
  source,
  stream,
  directory,
  imports,
  scim,
  github,
  kubernetes,
  takeover,
  who,
]

const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(2))
const cells = (bench: Bench, row: Row): string[] => [
  `${bench.name}: ${row.name}`,
  `${figure(row.figure)} ${row.unit}`,
  `${figure(row.floor)} (${row.against})`,
  `${figure(ratioOf(row))}×`,
  `≤ ${row.aim}×`,
  isMet(row) ? 'yes' : 'NO',
]

const words = process.argv.slice(2)
const table = [['bench', 'figure', 'floor', 'ratio', 'aim', 'met']]
for (const bench of benches) {
  if (words.length > 0 && !words.some(word => bench.name.includes(word))) continue
  process.stderr.write(`${bench.name} …\n`)
  for (const row of await bench.run()) table.push(cells(bench, row))
}
const widths = table[0]?.map((_, column) => Math.max(...table.map(row => row[column]?.length ?? 0))) ?? []
for (const row of table) {
  console.log(
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
