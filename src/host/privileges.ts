/** Giving up the rights of root, once the sockets are there. */

import { execFileSync } from 'node:child_process';

/** This process cannot become that user or group. */
export class PrivilegesError extends Error {
  override name = 'PrivilegesError';
}

/** Whom to become; nobody else where both are undefined. */
export interface Account {
  /** A name or a number. */
  readonly user?: string | undefined;
  readonly group?: string | undefined;
}

/**
 * Looks whether {@link dropPrivileges} could do it.
 *
 * @throws PrivilegesError when this process is not root's, or there is no such user
 */
export function checkPrivileges({ user, group }: Account): void {
  if (user === undefined && group === undefined) return;
  if (process.getuid === undefined) throw new PrivilegesError('This system has no users and groups');
  if (process.getuid() !== 0)
    throw new PrivilegesError(`Only root can become ${named(user, group)}; start as root, or leave it out`);
  try {
    if (user !== undefined) groupOf(user);
  } catch (error) {
    throw new PrivilegesError(`There is no ${named(user, undefined)}`, { cause: error });
  }
}

/** @throws Error when there is no such user */
function groupOf(user: string): number {
  return Number(execFileSync('id', ['-g', user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
}

/**
 * Becomes a user and a group for good. A user without a group brings its own.
 *
 * @throws PrivilegesError when there is no such user or group, or this process is not root's
 */
export function dropPrivileges({ user, group }: Account): void {
  if (user === undefined && group === undefined) return;
  checkPrivileges({ user, group });
  // @types/node has all but initgroups().
  const { setgid, setuid, setgroups, initgroups } = process as Required<NodeJS.Process> & {
    initgroups(user: string | number, group: string | number): void;
  };
  try {
    const ownGroup = group ?? groupOf(user!);
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
