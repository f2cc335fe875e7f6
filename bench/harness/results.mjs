/** Where runs leave their reports. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const RESULTS = fileURLToPath(new URL('../results', import.meta.url));

/**
 * @returns {string} the newest report, as reports are named after their time
 * @throws {Error} when there is none
 */
export function newestReport() {
  try {
    const newest = readdirSync(RESULTS)
      .filter((name) => /^\d{4}-.*\.json$/.test(name))
      .sort()
      .at(-1);
    if (newest !== undefined) return join(RESULTS, newest);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOENT') throw error;
  }
  throw new Error(`no report in ${RESULTS}: run \`npm run bench\` first, or name one`);
}
