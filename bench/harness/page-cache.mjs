/**
 * The page cache of Linux, as far as a user may meddle with it.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, openSync } from 'node:fs';

/**
 * Has the system forget what it has of files in memory: GNU dd asks for that by posix_fadvise(2), POSIX_FADV_DONTNEED.
 *
 * @param {readonly string[]} paths
 */
export function dropFromPageCache(paths) {
  for (const path of paths) {
    // What is not on disk yet is not dropped.
    const descriptor = openSync(path, 'r+');
    fsyncSync(descriptor);
    closeSync(descriptor);
    execFileSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);
  }
}

/**
 * @param {readonly string[]} paths
 * @returns {number | null} bytes of the files that are in memory; null where fincore(1) is missing
 */
export function bytesInPageCache(paths) {
  const { status, stdout } = spawnSync('fincore', ['--bytes', '--noheadings', '--output', 'RES', ...paths], {
    encoding: 'utf8',
  });
  if (status !== 0) return null;
  return stdout
    .split('\n')
    .filter(Boolean)
    .reduce((sum, line) => sum + Number(line), 0);
}
