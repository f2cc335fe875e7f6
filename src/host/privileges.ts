/** Giving up the rights of root, once the sockets are there. */

import { execFileSync } from 'node:child_process';

/** This process cannot become that user or group. */
export class PrivilegesError extends Error {
  override name = 'PrivilegesError';
}

/**
 * Becomes a user and a group for good. A user without a group brings its own.
 *
 * @throws PrivilegesError when there is no such user or group, or this process is not root's
 */
export function dropPrivileges({ user, group }: { user?: string | undefined; group?: string | undefined }): void {
  if (user === undefined && group === undefined) return;
  // @types/node has all but initgroups().
  const { setgid, setuid, setgroups, initgroups, getuid } = process as NodeJS.Process & {
    initgroups?(user: string | number, group: string | number): void;
  };
  if (!setgid || !setuid || !setgroups || !initgroups) throw new PrivilegesError('This system has no users and groups');
  if (getuid?.() !== 0)
    throw new PrivilegesError(`Only root can become ${named(user, group)}; start as root, or leave it out`);
  try {
    const ownGroup = group ?? Number(execFileSync('id', ['-g', user!], { encoding: 'utf8' }));
    if (user === undefined) setgroups([]);
    else initgroups(idOr(user), idOr(ownGroup));
    setgid(idOr(ownGroup));
    if (user !== undefined) setuid(idOr(user));
  } catch (error) {
    throw new PrivilegesError(`Cannot become ${named(user, group)}: ${(error as Error).message}`, { cause: error });
  }
}

function idOr(name: string | number): string | number {
  return typeof name === 'string' && /^\d+$/.test(name) ? Number(name) : name;
}

function named(user: string | undefined, group: string | undefined): string {
  return [user && `user ${user}`, group && `group ${group}`].filter(Boolean).join(' and ');
}
