/** How long to wait before a worker that died is replaced. */

const FIRST = 100;
const LONGEST = 10_000;
/** A worker that has lived so long did not fail at once. */
const HEALTHY = 10_000;

/** Twice as long after each death in a row. Times are in milliseconds. */
export class BackOff {
  #deaths = 0;

  /** @param lived how long the worker did */
  afterDeath(lived: number): number {
    if (lived >= HEALTHY) this.#deaths = 0;
    const wait = this.#deaths === 0 ? 0 : Math.min(LONGEST, FIRST * 2 ** (this.#deaths - 1));
    this.#deaths++;
    return wait;
  }
}
