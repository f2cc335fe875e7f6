/** What a request's path names beneath the root. */

/** What to do about names that begin with a dot: as if they were not there, 403, or as any other. */
export type DotfilePolicy = 'ignore' | 'deny' | 'allow';

export interface RequestPath {
  /** The names of directories, and of the file where `slash` is false. */
  names: string[];
  /** The path ends in a slash, and so asks for a directory. */
  slash: boolean;
}

// RFC 8615: what a client finds there (for a certificate authority, as security.txt) is meant to be found.
const WELL_KNOWN = '.well-known';
const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads `PATH_INFO`, which is percent-decoded already and must not be decoded a second time.
 *
 * @returns null for a path that no file is served for: one with `.` or `..`, an empty segment, a backslash, NUL, or
 * bytes that are not UTF-8; 'denied' for a hidden one where the policy is to say so
 */
export function readPath(pathInfo: string, dotfiles: DotfilePolicy): RequestPath | 'denied' | null {
  let path: string;
  try {
    path = UTF_8.decode(Buffer.from(pathInfo, 'latin1'));
  } catch {
    return null;
  }
  const [before, ...names] = path.split('/');
  if (before !== '' || names.length === 0) return null;
  const slash = names.at(-1) === '';
  if (slash) names.pop();
  if (!names.every(isName)) return null;
  if (dotfiles !== 'allow' && names.some(isHidden)) return dotfiles === 'deny' ? 'denied' : null;
  return { names, slash };
}

/** Whether a name leads from a directory into that very directory, on every system. */
export function isName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[\\/\0]/.test(name);
}

/** @param depth how many directories beneath the root the name is */
export function isHidden(name: string, depth: number): boolean {
  return name.startsWith('.') && !(depth === 0 && name === WELL_KNOWN);
}
