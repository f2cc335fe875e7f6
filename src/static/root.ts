/** The directory that nothing leads out of. */

import { realpathSync, statSync } from 'node:fs';

/**
 * @returns its real path: where a symbolic link leads is looked up once
 * @throws Error with a `code`, that of realpath(3) or ENOTDIR, when there is no such directory
 */
export function rootOf(path: string): string {
  const root = realPathOf(path);
  if (statSync(root).isDirectory()) return root;
  throw Object.assign(new Error(`${path} is not a directory`), { code: 'ENOTDIR', path });
}

function realPathOf(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? `There is no directory ${path} (ENOENT)` : `${path} cannot be served: ${message}`;
    throw Object.assign(new Error(what, { cause: error }), { code, path });
  }
}
