/** In which order a directory is listed: by the query, `?sort=size&order=desc`. */

import type { Entry } from './listing.js';

export const COLUMNS = ['name', 'size', 'modified'] as const;

export type Column = (typeof COLUMNS)[number];

export interface Order {
  column: Column;
  descending: boolean;
}

/** By name from the first, where the query says nothing that is understood. */
export function orderOf(query: string | undefined): Order {
  const parameters = new URLSearchParams(query);
  const column = COLUMNS.find((each) => each === parameters.get('sort')) ?? 'name';
  return { column, descending: parameters.get('order') === 'desc' };
}

// As people count: file 2 comes before file 10. Independent of where the server is.
const COLLATOR = new Intl.Collator('en', { numeric: true });

/** Directories come first, always. */
export function sorted(entries: readonly Entry[], { column, descending }: Order): Entry[] {
  const sign = descending ? -1 : 1;
  return [...entries].sort((one, other) => {
    if (one.type !== other.type) return one.type === 'directory' ? -1 : 1;
    const byName = COLLATOR.compare(one.name, other.name);
    if (column === 'name') return sign * byName;
    const difference =
      column === 'size' ? (one.size ?? 0) - (other.size ?? 0) : one.modified.getTime() - other.modified.getTime();
    return sign * difference || byName;
  });
}
