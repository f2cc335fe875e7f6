/** Pseudo-random choices that a seed repeats: xorshift32 (Marsaglia, 2003). */
export class Random {
  #state: number;

  /** @param seed anything but 0 */
  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  /** Up to `most` of whatever `make` makes. */
  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  /** A string of up to `most` characters. */
  text(alphabet: string, most: number): string {
    return this.list(most, () => this.pick([...alphabet])).join('');
  }
}
