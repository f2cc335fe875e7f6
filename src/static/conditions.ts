/** Conditional requests (RFC 9110 §13): is the file still, or no longer, what the client has? */

import type { Environ } from '../types.js';
import type { FileState } from './file-state.js';

/** What tells one state of a file from another. */
export interface Validators {
  /** ETag */
  etag: string;
  /** Last-Modified */
  lastModified: string;
  /** The same, in milliseconds since 1970. */
  modified: number;
}

/** What of a file's state says which state it is. */
export type Identity = Pick<FileState, 'size' | 'mtimeNs' | 'ctimeNs' | 'ino'>;

/** @param encoding the content coding, if any: each representation has a tag of its own (RFC 9110 §8.8.3.3) */
export function validatorsOf({ size, mtimeNs, ctimeNs, ino }: Identity, encoding?: string): Validators {
  // A kernel's clock ticks every few milliseconds, and files that take each other's place within one are told apart by
  // their inodes. A time that somebody has set, so that it is the same on several machines, shows by the time of change.
  const written = ctimeNs >= mtimeNs && ctimeNs - mtimeNs < 1_000_000_000n;
  const inode = written ? `-${ino.toString(36)}` : '';
  const suffix = encoding === undefined ? '' : `-${encoding}`;
  // §8.8.2.1: never later than the answer itself, whatever the clock of whoever wrote the file said.
  const known = Math.min(Number(mtimeNs / 1_000_000n), Date.now());
  // A field's date has whole seconds.
  const modified = Math.floor(known / 1000) * 1000;
  return {
    etag: `"${size.toString(36)}-${mtimeNs.toString(36)}${inode}${suffix}"`,
    lastModified: new Date(modified).toUTCString(),
    modified,
  };
}

/** What becomes of a GET or HEAD by its preconditions: it is performed, or answered with 304 or 412. */
export type Outcome = 'perform' | 'not modified' | 'failed';

/** Steps 1 to 4 of RFC 9110 §13.2.2, in that order. */
export function checkPreconditions(environ: Environ, { etag, lastModified, modified }: Validators): Outcome {
  const { HTTP_IF_MATCH: ifMatch, HTTP_IF_UNMODIFIED_SINCE: unmodifiedSince } = environ;
  const { HTTP_IF_NONE_MATCH: ifNoneMatch, HTTP_IF_MODIFIED_SINCE: modifiedSince } = environ;

  // An invalid date is to be ignored (§13.1.3, §13.1.4), and NaN compares false.
  if (typeof ifMatch === 'string') {
    if (!lists(ifMatch, etag, 'strong')) return 'failed';
  } else if (typeof unmodifiedSince === 'string' && modified > parseHttpDate(unmodifiedSince)) {
    return 'failed';
  }
  if (typeof ifNoneMatch === 'string') return lists(ifNoneMatch, etag, 'weak') ? 'not modified' : 'perform';
  if (typeof modifiedSince !== 'string') return 'perform';
  // Most clients repeat what they were told.
  return modifiedSince === lastModified || modified <= parseHttpDate(modifiedSince) ? 'not modified' : 'perform';
}

/** Step 5: whether Range may be heeded, because the client has a part of this very state (RFC 9110 §13.1.5). */
export function ifRangeHolds(environ: Environ, { etag, modified }: Validators): boolean {
  const { HTTP_IF_RANGE: field } = environ;
  if (typeof field !== 'string') return true;
  const ifRange = field.trim();
  if (ifRange === etag) return true;
  // A date must be the very one. It tells nothing about a file that may change again within the same second (§8.8.2.2).
  return parseHttpDate(ifRange) === modified && Date.now() - modified >= 2000;
}

/**
 * Whether a list of entity tags, or `*`, has this one. Weak comparison heeds no W/, for a gateway that compressed the
 * file may have put it there; in a strong one such a tag equals nothing (RFC 9110 §8.8.3.2).
 */
function lists(list: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (list === etag || list.trim() === '*') return true;
  for (const [, weak, tag] of list.matchAll(/(W\/)?("[^"]*")/g)) {
    if (tag === etag && (weak === undefined || comparison === 'weak')) return true;
  }
  return false;
}

// §5.6.7: IMF-fixdate, and the two older formats that a recipient must still accept.
const IMF_FIXDATE = /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/;
const RFC850_DATE = /^\w{6,9}, \d\d-\w{3}-\d\d \d\d:\d\d:\d\d GMT$/;
const ASCTIME_DATE = /^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/;

function parseHttpDate(text: string): number {
  if (IMF_FIXDATE.test(text) || RFC850_DATE.test(text)) return Date.parse(text);
  return ASCTIME_DATE.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}
