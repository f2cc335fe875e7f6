/** How fast answers may leave. */

import { parseRate } from './configuration/values.js';
import { show } from './show.js';

/** Bytes a second; 0: as fast as the client takes it. */
export const RATE_RANGE = [0, 2 ** 32 - 2] as const;

/**
 * Bytes a second, as a number or as `'512KiB/s'`.
 *
 * @throws RangeError when it is neither
 */
export function checkRate(name: string, rate: number | string): number {
  const bytesPerSecond = typeof rate === 'string' ? parseRate(rate) : rate;
  const [least, greatest] = RATE_RANGE;
  if (Number.isInteger(bytesPerSecond) && bytesPerSecond >= least && bytesPerSecond <= greatest) return bytesPerSecond;
  throw new RangeError(
    `${name} must be a whole number of bytes a second, or a rate as '512KiB/s' or '2MB/s', from ${least} to ${greatest}, ` +
      `got ${show(rate)}`,
  );
}
