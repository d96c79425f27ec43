/**
 * The patterns that texts of a manifest must match, in the common part of RE2 (Kubernetes) and JavaScript.
 * Apart from the schemas, because the program needs them at run time too.
 */

/** RFC 1123 DNS subdomain, as Kubernetes takes object names. */
export const NAME_PATTERN = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'

/** RFC 1123 DNS label: no dots. */
export const LABEL_PATTERN = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'

/** White space, controls and invisible characters: what no name of anything may hold. RE2 and JavaScript agree on these classes. */
const UNSEEN = '\\s\\p{Z}\\p{Cc}\\p{Cf}'
const WORD = `[^${UNSEEN}"(),:;<>@\\[\\]\\\\.]+`
const EDGE = `[^${UNSEEN}\\x00-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7f]`
const INNER = `[^${UNSEEN}\\x00-\\x2c\\x2e\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7f]`
const LABEL = `${EDGE}(${INNER}*${EDGE})?`

/**
 * `local@domain`: before the @ no white space, control, invisible character or any of `"(),:;<>@[]\`, and no empty part between dots;
 * after it labels of letters (also beyond ASCII), digits and inner hyphens.
 */
export const ADDRESS_PATTERN = `^${WORD}(\\.${WORD})*@${LABEL}(\\.${LABEL})*$`

/** Whole hours, minutes and seconds, in that order, at least one; or `0s`. */
export const DURATION_PATTERN =
  '^([1-9][0-9]{0,5}h([1-9][0-9]{0,5}m)?([1-9][0-9]{0,6}s)?|[1-9][0-9]{0,5}m([1-9][0-9]{0,6}s)?|[1-9][0-9]{0,6}s|0s)$'

/** The common shapes of a language tag (RFC 5646): language, script, region. */
export const LOCALE_PATTERN = '^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$'

const DAY = '[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])'
const CLOCK = 'T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])'

/** A plain date, or RFC 3339 section 5.6 `date-time`. */
export const DATE_PATTERN = `^${DAY}(${CLOCK})?$`
/** RFC 3339 section 5.6 `date-time`. */
export const TIME_PATTERN = `^${DAY}${CLOCK}$`
