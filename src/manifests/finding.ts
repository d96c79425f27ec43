/** What is found wrong, and how much it matters: an error makes the input invalid. */
export type Severity = 'error' | 'warning' | 'info'

/**
 * Every rule, by its stable id. `stage` says what an error of it stops: *load* the whole revision of a source (its text cannot be trusted to be
 * what somebody meant), *reference* only the resource that it is found in.
 */
export const FINDING_RULES = {
  'unreadable-file': { stage: 'load', says: 'A file or folder is missing or cannot be read.' },
  'special-file': { stage: 'load', says: 'A device, pipe or socket is where a manifest should be.' },
  'symlink-outside': { stage: 'load', says: 'A symbolic link leaves the folder or leads nowhere.' },
  'symlink-folder': { stage: 'load', says: 'A symbolic link to a folder is not followed.' },
  encoding: { stage: 'load', says: 'A file is not UTF-8 text.' },
  'too-large': { stage: 'load', says: 'A file, document or resource is over the limits.' },
  'yaml-syntax': { stage: 'load', says: 'A document is not YAML.' },
  'yaml-nesting': { stage: 'load', says: 'A document is nested too deep.' },
  'yaml-alias': { stage: 'load', says: 'An alias is unknown, contains itself, or expands beyond the limits.' },
  'yaml-tag': { stage: 'load', says: 'A tag asks for a type that manifests do not have.' },
  'yaml-key': { stage: 'load', says: 'A key is no text, or one that may not be used.' },
  'duplicate-key': { stage: 'load', says: 'A key stands twice in one mapping.' },
  'ambiguous-scalar': { stage: 'load', says: 'A value that kubectl reads as something else.' },
  'table-header': { stage: 'load', says: 'A CSV file is no table of people.' },
  'table-row': { stage: 'load', says: 'A row of a table is broken.' },
  'not-a-manifest': { stage: 'load', says: 'A document is no object with apiVersion and kind.' },
  'wrong-group': {
    stage: 'load',
    says: 'A kind of ours under another group or version, or a group that is almost ours.',
  },
  'unknown-kind': { stage: 'load', says: 'A kind that our group does not have.' },
  'record-in-manifest': { stage: 'load', says: 'A record, which only Roster writes.' },
  'status-in-manifest': { stage: 'load', says: 'A status, which only Roster writes.' },
  'unknown-field': { stage: 'load', says: 'A field that the kind does not have.' },
  'missing-field': { stage: 'load', says: 'A field that has to be there.' },
  'wrong-type': { stage: 'load', says: 'A value of another type than the field has.' },
  'not-a-choice': { stage: 'load', says: 'A value that is none of the choices.' },
  'out-of-bounds': { stage: 'load', says: 'A text, number or list outside of its bounds.' },
  'wrong-format': { stage: 'load', says: 'A text of another shape than the field takes.' },
  'invalid-address': { stage: 'load', says: 'A text that is not one mail address.' },
  'invalid-date': { stage: 'load', says: 'A date that the calendar does not have.' },
  'duplicate-item': { stage: 'load', says: 'An item stands twice in one list.' },
  'rule-broken': { stage: 'load', says: 'A rule of the kind does not hold.' },
  'cannot-change': { stage: 'load', says: 'A field that cannot be changed has another value than in the store.' },
  'invalid-metadata': { stage: 'load', says: 'Name, labels or annotations that Kubernetes would refuse.' },
  'reserved-metadata': { stage: 'load', says: 'A label, annotation or metadata field that only Roster writes.' },
  'mixed-namespaces': { stage: 'load', says: 'Resources of several realms.' },
  'hidden-characters': { stage: 'load', says: 'Control characters or marks that turn the direction of text.' },
  'duplicate-resource': { stage: 'load', says: 'Two resources of one kind and name.' },
  'invalid-expression': { stage: 'load', says: 'A CEL expression that cannot be evaluated.' },
  'invalid-template': { stage: 'load', says: 'A mail text that cannot be rendered.' },
  'unknown-permission': { stage: 'reference', says: 'A verb that one of our own areas does not have.' },
  'unknown-time-zone': { stage: 'reference', says: 'A time zone that does not exist.' },
  'reference-not-found': { stage: 'reference', says: 'A name that nothing has.' },
  'reference-cycle': { stage: 'reference', says: 'Groups or organizations that contain themselves.' },
  'reference-out-of-reach': { stage: 'reference', says: 'A name of something that belongs to another organization.' },
  'parent-not-confirmed': { stage: 'reference', says: 'A parent that does not name the child.' },
  'duplicate-address': { stage: 'reference', says: 'Two users with one address.' },
  'duplicate-identity': { stage: 'reference', says: 'Two users who are one person of a directory.' },
  'duplicate-domain': { stage: 'reference', says: 'Two organizations with one domain.' },
  'invalid-period': { stage: 'reference', says: 'A membership that ends before it begins.' },
  'member-without-membership': {
    stage: 'reference',
    says: 'A member of a group who does not belong to its organization.',
  },
  'beyond-authority': { stage: 'reference', says: 'More than its source may declare or give.' },
  'too-many-findings': { stage: 'load', says: 'More is wrong with a document than is shown.' },
  unused: { stage: 'reference', says: 'A role, group or pool that nothing uses.' },
} as const satisfies Record<string, { stage: 'load' | 'reference'; says: string }>

export type RuleId = keyof typeof FINDING_RULES

/** One thing that is wrong, and where. */
export interface Finding {
  severity: Severity
  rule: RuleId
  /** What is wrong and what to do. May quote the input as it is: escape it before it is shown. */
  message: string
  /** As given by the caller, `-` for stdin. */
  file: string
  /** From 1. */
  line: number
  /** From 1, in UTF-16 units. */
  column: number
  kind?: string
  name?: string
  /** JSON pointer (RFC 6901) into the resource. */
  path?: string
}

/** Whether a finding makes a whole revision unusable, rather than one resource. */
export const stopsRevision = (finding: Finding): boolean =>
  finding.severity === 'error' && FINDING_RULES[finding.rule].stage === 'load'

/** By file, line, column and rule; the order in which reports show findings. */
export const byPlace = (a: Finding, b: Finding): number =>
  compare(a.file, b.file) ||
  a.line - b.line ||
  a.column - b.column ||
  Number(a.rule === COUNTED) - Number(b.rule === COUNTED) ||
  compare(a.rule, b.rule) ||
  compare(a.message, b.message)

/** Says how much is not shown, so it comes after what is. */
const COUNTED: RuleId = 'too-many-findings'
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
