/** Files that were compressed beforehand: `app.js.br` beside `app.js` (RFC 9110 §12.5.3). */

import { ownCopy } from '../own-copy.js';
import { qualitiesOf } from './qualities.js';

/** A content coding, and what the name of a file in it ends in. */
export const SUFFIXES = { br: '.br', zstd: '.zst', gzip: '.gz' } as const;

export type Encoding = keyof typeof SUFFIXES;

/** Codings to look for, best first; what clients prefer comes down to a few such lists. */
export interface Preference {
  /** A small one, of its own. */
  readonly number: number;
  readonly encodings: readonly Encoding[];
}

// What browsers and tools say are a few texts; the bound is for a client that makes them up.
const MOST_TEXTS = 64;

/** What each of the clients prefers of the codings that are offered. */
export class Preferences {
  readonly #offered: readonly Encoding[];
  readonly #known: Preference[] = [];
  readonly #byText = new Map<unknown, Preference>();
  /** What the last client said: a comparison is cheaper than a look into the map. */
  #lastText: unknown;
  #last: Preference | undefined;

  constructor(offered: readonly Encoding[]) {
    this.#offered = offered;
  }

  /** @param acceptEncoding absent where the client says nothing */
  of(acceptEncoding: unknown): Preference {
    if (this.#last === undefined || acceptEncoding !== this.#lastText) {
      this.#last = this.#byText.get(acceptEncoding) ?? this.#learn(acceptEncoding);
      this.#lastText = acceptEncoding;
    }
    return this.#last;
  }

  #learn(acceptEncoding: unknown): Preference {
    const encodings = preferredEncodings(acceptEncoding, this.#offered);
    let preference = this.#known.find((each) => each.encodings.join() === encodings.join());
    if (preference === undefined) {
      preference = { number: this.#known.length, encodings };
      this.#known.push(preference);
    }
    if (this.#byText.size >= MOST_TEXTS) this.#byText.clear();
    this.#byText.set(typeof acceptEncoding === 'string' ? ownCopy(acceptEncoding) : acceptEncoding, preference);
    return preference;
  }
}

/**
 * The codings to look for, best first: by the client's weights, and between equal ones by the order of `offered`.
 * Those behind the plain file are left out, for that is always there. It is sent even to a client that accepts nothing
 * that there is (§12.1 lets a server disregard the field): it is of more use than an error.
 *
 * @param acceptEncoding absent where the client says nothing, and then gets the plain file
 */
export function preferredEncodings(acceptEncoding: unknown, offered: readonly Encoding[]): Encoding[] {
  if (typeof acceptEncoding !== 'string' || acceptEncoding === '') return [];
  const qualities = qualitiesOf(acceptEncoding);
  const rest = qualities.get('*');
  // Not being compressed is acceptable unless it is excluded, but nothing to prefer unless it is named.
  const plain = qualities.get('identity') ?? rest ?? 0;
  const quality = (encoding: Encoding) =>
    qualities.get(encoding) ?? (encoding === 'gzip' ? qualities.get('x-gzip') : undefined) ?? rest ?? 0;
  return offered
    .filter((encoding) => quality(encoding) > 0 && quality(encoding) >= plain)
    .sort((one, other) => quality(other) - quality(one));
}
