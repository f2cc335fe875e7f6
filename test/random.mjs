/** Pseudo-random choices that a seed repeats: xorshift32 (Marsaglia, 2003). */
export class Random {
  #state;

  /** @param {number} seed anything but 0 */
  constructor(seed) {
    this.#state = seed | 0 || 1;
  }

  /**
   * @param {number} limit
   * @returns {number} a whole number from 0 up to, not including, `limit`
   */
  below(limit) {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  /**
   * @param {number} oneIn
   * @returns {boolean}
   */
  chance(oneIn) {
    return this.below(oneIn) === 0;
  }

  /**
   * @template T
   * @param {readonly T[]} choices
   * @returns {T}
   */
  pick(choices) {
    return /** @type {T} */ (choices[this.below(choices.length)]);
  }

  /**
   * @template T
   * @param {number} most
   * @param {() => T} make
   * @returns {T[]} up to `most` of whatever `make` makes
   */
  list(most, make) {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  /**
   * @param {string} alphabet
   * @param {number} most
   * @returns {string} of up to `most` characters
   */
  text(alphabet, most) {
    return this.list(most, () => this.pick([...alphabet])).join('');
  }
}
