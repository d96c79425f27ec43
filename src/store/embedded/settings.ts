import { bindingText } from '../binding.ts'
import { BindingError } from '../errors.ts'
import { MARKS, type MarkTexts, marksOf, markTexts } from '../marks.ts'
import type { Binding, Marks, StoreInfo } from '../store.ts'
import type { Connection } from './connection.ts'
import type { Objects } from './objects.ts'

/** What a store knows of itself. Synchronous, inside a connection's `read` or `write`. */
export class Settings {
  readonly #connection: Connection
  readonly #objects: Objects

  constructor(connection: Connection, objects: Objects) {
    this.#connection = connection
    this.#objects = objects
  }

  info(): StoreInfo {
    const binding = this.#get('binding')
    return {
      realm: String(this.#get('realm')),
      epoch: Number(this.#get('epoch')),
      resourceVersion: String(this.#objects.version()),
      ...(binding !== undefined && { binding: JSON.parse(String(binding)) as Binding }),
    }
  }

  bind(binding: Binding, rebind: boolean): Binding {
    const wanted = { mail: binding.mail, publicUrl: binding.publicUrl }
    const bound = this.#get('binding')
    const text = JSON.stringify(wanted)
    if (bound === text) return wanted
    if (bound !== undefined && !rebind)
      throw new BindingError(bindingText(JSON.parse(String(bound)) as Binding, wanted))
    this.#set('binding', text)
    return wanted
  }

  marks(): Marks {
    return marksOf(this.#markTexts(), 'the store')
  }

  mark(decide: (marks: Marks) => Marks): Marks {
    const before = this.#markTexts()
    const marks = decide(marksOf(before, 'the store'))
    const after = markTexts(marks)
    for (const mark of MARKS) {
      if (after[mark] === before[mark]) continue
      if (after[mark] === undefined)
        this.#connection.statement('DELETE FROM settings WHERE key = ?').run(`mark/${mark}`)
      else this.#set(`mark/${mark}`, after[mark])
    }
    return marks
  }

  #markTexts(): MarkTexts {
    const text = (mark: string) => this.#get(`mark/${mark}`) as string | undefined
    return Object.fromEntries(MARKS.map(mark => [mark, text(mark)]))
  }

  #set(key: string, value: string): void {
    this.#connection
      .statement(
        'INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
      )
      .run(key, value)
  }

  #get(key: string): unknown {
    return this.#connection.statement('SELECT value FROM settings WHERE key = ?').get(key)?.value
  }
}
