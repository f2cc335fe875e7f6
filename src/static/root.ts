/** The directory that nothing leads out of. */

import { realpathSync, statSync } from 'node:fs';

/**
 * @returns its real path: where a symbolic link leads is looked up once
 * @throws Error with a `code`, that of realpath(3) or ENOTDIR, when there is no such directory
 */
export function rootOf(path: string): string {
  const root = realpathSync.native(path);
  if (statSync(root).isDirectory()) return root;
  throw Object.assign(new Error(`${path} is not a directory`), { code: 'ENOTDIR', path });
}
