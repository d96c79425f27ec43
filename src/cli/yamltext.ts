import { stringify } from 'yaml'

/** YAML as people read it. */
export const yamlText = (value: unknown): string => stringify(value, { lineWidth: 120 })

/** YAML in which every text is quoted, so that each may hold escapes. */
export const quotedYamlText = (value: unknown): string =>
  stringify(value, { lineWidth: 0, defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' })
