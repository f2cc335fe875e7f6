/** Conditional requests (RFC 9110 §13): has the client got this very file already? */

import type { Environ } from '../types.js';

/** What tells one state of a file from another. */
export interface Validators {
  /** ETag */
  etag: string;
  /** Last-Modified */
  lastModified: string;
}

/**
 * @param size in bytes
 * @param modifiedNs when the file was modified, in nanoseconds since 1970
 */
export function validatorsOf(size: bigint, modifiedNs: bigint): Validators {
  return {
    // A strong one (RFC 9110 §8.8.1): a file that is written twice within a nanosecond to the same size is none.
    etag: `"${size.toString(36)}-${modifiedNs.toString(36)}"`,
    lastModified: new Date(Number(modifiedNs / 1_000_000n)).toUTCString(),
  };
}

/** Whether a GET or HEAD is to be answered with 304 (RFC 9110 §13.2.2, steps 3 and 4). */
export function isNotModified(environ: Environ, validators: Validators): boolean {
  const { HTTP_IF_NONE_MATCH: ifNoneMatch, HTTP_IF_MODIFIED_SINCE: ifModifiedSince } = environ;
  if (typeof ifNoneMatch === 'string') return listsTag(ifNoneMatch, validators.etag);
  if (typeof ifModifiedSince !== 'string') return false;
  // An invalid date is to be ignored (§13.1.3), and NaN compares false.
  return Date.parse(validators.lastModified) <= parseHttpDate(ifModifiedSince);
}

/** Weak comparison (§8.8.3.2): a gateway that compressed the file may have marked its tag as weak. */
function listsTag(list: string, etag: string): boolean {
  if (list.trim() === '*') return true;
  for (const [, tag] of list.matchAll(/(?:W\/)?("[^"]*")/g)) {
    if (tag === etag) return true;
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
