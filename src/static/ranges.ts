/**
 * Range requests (RFC 9110 §14): which parts of a file are wanted. (range-parser, which others use, takes a suffix that
 * is longer than the file for unsatisfiable, refuses the empty elements of a list, and knows no bound.)
 */

/** A part of a file, in bytes. */
export interface Range {
  offset: number;
  length: number;
}

/** More parts than any client wants: beyond, the whole file is cheaper for everybody (RFC 9110 §14.2). */
export const MOST_RANGES = 16;

/**
 * @param field the value of Range
 * @param size the file's, in bytes
 * @returns null where the field is to be ignored, because it is invalid, of another unit, or asks for too much; else
 * the parts that there are, in the order of the request, those that overlap or touch made one; none of them where the
 * request cannot be satisfied
 */
export function parseRanges(field: string, size: number): Range[] | null {
  const [, list] = /^bytes=(.*)$/i.exec(field) ?? [];
  // RFC 9110 §5.6.1: empty elements of a list are to be ignored.
  const specs = list?.split(',').flatMap((spec) => spec.trim() || []) ?? [];
  if (specs.length === 0 || specs.length > MOST_RANGES) return null;

  const ranges: Range[] = [];
  for (const spec of specs) {
    const [, first = '', last = ''] = /^(\d*)-(\d*)$/.exec(spec) ?? [];
    if (first === '' && last === '') return null;
    if (first !== '' && last !== '' && Number(last) < Number(first)) return null;
    const offset = first === '' ? Math.max(0, size - Number(last)) : Number(first);
    const end = first === '' || last === '' ? size : Math.min(Number(last) + 1, size);
    // The last bytes of an empty file are the file, which no Content-Range can say (§14.1.2).
    if (size === 0 && first === '' && Number(last) > 0) return null;
    if (offset < end) addRange(ranges, { offset, length: end - offset });
  }
  return ranges;
}

/** `bytes 0-499/1234` */
export function contentRange({ offset, length }: Range, size: number): string {
  return `bytes ${offset}-${offset + length - 1}/${size}`;
}

/** Puts a range in the place of the first that it touches, together with all of them. */
function addRange(ranges: Range[], added: Range): void {
  let { offset, length } = added;
  let place = ranges.length;
  for (let index = ranges.length - 1; index >= 0; index--) {
    const other = ranges[index]!;
    if (other.offset > offset + length || offset > other.offset + other.length) continue;
    const end = Math.max(offset + length, other.offset + other.length);
    offset = Math.min(offset, other.offset);
    length = end - offset;
    ranges.splice(index, 1);
    place = index;
  }
  ranges.splice(place, 0, { offset, length });
}
