/** Memory in which workers tell each other how many connections they have, so that each gets its share of the new ones. */

import { loadAddon } from '../server/native-addon.js';

/** A worker's place in it. */
export interface Place {
  readonly fd: number;
  readonly place: number;
}

export class Scoreboard {
  readonly #memory: { fd: number; places: number; clear(place: number): void } | undefined;
  readonly #taken = new Set<number>();

  constructor() {
    try {
      this.#memory = loadAddon().createScoreboard();
    } catch {
      // A system without such memory; whoever wakes up first accepts.
    }
  }

  /** @returns undefined where there is none */
  take(): Place | undefined {
    if (this.#memory === undefined) return undefined;
    const { fd, places } = this.#memory;
    for (let place = 0; place < places; place++) {
      if (this.#taken.has(place)) continue;
      this.#taken.add(place);
      return { fd, place };
    }
    return undefined;
  }

  /** The worker that had it is gone. */
  free({ place }: Place): void {
    this.#memory?.clear(place);
    this.#taken.delete(place);
  }
}
