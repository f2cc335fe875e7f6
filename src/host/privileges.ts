/** Giving up the rights of root, once the sockets are there. */

import { execFileSync } from 'node:child_process';

/** By name or number. */
export interface Account {
  readonly user?: string | undefined;
  readonly group?: string | undefined;
}

/** This process cannot become that user or group. */
export class PrivilegesError extends Error {
  override name = 'PrivilegesError';
}

/**
 * Looks whether {@link dropPrivileges} could do it.
 *
 * @throws PrivilegesError when this process is not root's, or there is no such user
 */
export function checkPrivileges(account: Account): void {
  const { user, group } = account;
  if (user === undefined && group === undefined) return;
  if (process.getuid === undefined) throw new PrivilegesError('This system has no users and groups');
  if (process.getuid() !== 0) {
    throw new PrivilegesError(`Only root can become ${named(account)}; start as root, or leave it out`);
  }
  if (group === undefined) ownGroupOf(user!);
}

/**
 * Becomes a user and a group for good. A user without a group brings its own.
 *
 * @throws PrivilegesError when there is no such user or group, or this process is not root's
 */
export function dropPrivileges(account: Account): void {
  const { user, group } = account;
  if (user === undefined && group === undefined) return;
  checkPrivileges(account);
  // @types/node has all but initgroups().
  const { setgid, setuid, setgroups, initgroups } = process as Required<NodeJS.Process> & {
    initgroups(user: string | number, group: string | number): void;
  };
  const known = user !== undefined && isKnown(user);
  try {
    const ownGroup = idOr(group ?? ownGroupOf(user!));
    // A number that is nobody's, as containers have them, is a member of no other group.
    if (known) initgroups(idOr(user), ownGroup);
    else setgroups([]);
    setgid(ownGroup);
    if (user !== undefined) setuid(idOr(user));
  } catch (error) {
    if (error instanceof PrivilegesError) throw error;
    throw new PrivilegesError(`Cannot become ${named(account)}: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Makes the file theirs who are going to use it.
 *
 * @throws PrivilegesError when there is no such user or group
 */
export function giveTo(account: Account, path: string): void {
  const { user, group } = account;
  if (process.getuid?.() !== 0 || (user === undefined && group === undefined)) return;
  const owner = `${user ?? ''}:${group ?? ownGroupOf(user!)}`;
  try {
    execFileSync('chown', ['-h', owner, path], { stdio: 'pipe' });
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer };
    const why = stderr?.toString().trim() || (error as Error).message;
    throw new PrivilegesError(`${path} cannot be given to ${named(account)}: ${why}`, { cause: error });
  }
}

function isKnown(user: string): boolean {
  try {
    execFileSync('id', [user], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** @throws PrivilegesError when there is none */
function ownGroupOf(user: string): string {
  try {
    return execFileSync('id', ['-g', user], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    throw new PrivilegesError(
      `There is no user ${user} whose group could be told; name another, or give the group, too`,
    );
  }
}

function idOr(name: string): string | number {
  return /^\d+$/.test(name) ? Number(name) : name;
}

function named({ user, group }: Account): string {
  return [user && `user ${user}`, group && `group ${group}`].filter(Boolean).join(' and ');
}
