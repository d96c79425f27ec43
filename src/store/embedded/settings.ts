import { bindingText } from '../binding.ts'
import { BindingError } from '../errors.ts'
import type { Binding, StoreInfo } from '../store.ts'
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
    this.#connection
      .statement(
        `INSERT INTO settings (key, value) VALUES ('binding', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      )
      .run(text)
    return wanted
  }

  #get(key: string): unknown {
    return this.#connection.statement('SELECT value FROM settings WHERE key = ?').get(key)?.value
  }
}
