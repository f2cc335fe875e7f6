/** The options of {@link staticFiles}, their defaults and their checks. */

import picomatch from 'picomatch';
import { checkRate } from '../rate.js';
import { show } from '../show.js';
import type { SymlinkPolicy } from './beneath.js';
import { type Encoding, SUFFIXES } from './encodings.js';
import type { OpenFileCacheOptions } from './open-file-cache.js';
import { type DotfilePolicy, isName } from './request-path.js';

/**
 * What is served, and how. Globs are picomatch's and match the path beneath the root, as `assets/app.js`; one without a
 * slash matches the name alone, wherever the file is.
 */
export interface StaticOptions {
  /** The files that stand for their directory; the first that there is. Default: `'index.html'`. `[]`: none. */
  index?: string | readonly string[];
  /**
   * The value of Cache-Control, for every file, or by glob; the first that matches counts. Default: no such field.
   *
   * @example `{ '*.html': 'no-cache', 'assets/**': 'max-age=31536000, immutable' }`
   */
  cacheControl?: string | Readonly<Record<string, string>>;
  /**
   * Content codings to look for beside a file, best first: `app.js.br`, `app.js.zst`, `app.js.gz`. One that is older
   * than its file is left alone. Default: false. True: `['br', 'zstd', 'gzip']`.
   */
  precompressed?: boolean | readonly Encoding[];
  /** Show what is in a directory without an index, as a page or, to whom asks for that, as JSON. Default: false. */
  listing?: boolean;
  /**
   * The file, by its path beneath the root, to send where there is none, unless the last name of the request has a dot
   * in it: the page of an application that does its own routing. Default: none.
   */
  fallback?: string;
  /** Files to save rather than show: all, or those that match a glob. Default: false. */
  download?: boolean | string | readonly string[];
  /**
   * Symbolic links to follow: those that stay `'beneath'` the root, all (`'follow'`), or none (`'never'`). Default:
   * `'beneath'`.
   */
  symlinks?: SymlinkPolicy;
  /**
   * Names that begin with a dot, other than `/.well-known`: not found (`'ignore'`), forbidden (`'deny'`), or served as
   * any other (`'allow'`). Default: `'ignore'`.
   */
  dotfiles?: DotfilePolicy;
  /**
   * Files stay open from one request to the next: default true. `{ max, revalidateMs }` says how many, and for how long
   * before their path is looked up again; false: each request opens its file.
   */
  openFileCache?: boolean | OpenFileCacheOptions;
  /**
   * How fast an answer may leave, as `'2MB/s'` or in bytes a second; 0: as fast as the client takes it. Default: the
   * server's `rate`. Under the production server, over TCP on Linux.
   */
  rate?: number | string;
}

/** Answers for a path beneath the root. */
type ByPath<Answer> = (path: string) => Answer;

/** The options as they are used. */
export interface CheckedOptions {
  readonly index: readonly string[];
  readonly cacheControl: ByPath<string | undefined>;
  readonly precompressed: readonly Encoding[];
  readonly listing: boolean;
  readonly fallback: readonly string[] | null;
  readonly download: ByPath<boolean>;
  readonly symlinks: SymlinkPolicy;
  readonly dotfiles: DotfilePolicy;
  readonly openFileCache: OpenFileCacheOptions | null;
  readonly rate: number | undefined;
}

const KEYS = 'index cacheControl precompressed listing fallback download symlinks dotfiles openFileCache rate'.split(
  ' ',
);
const ENCODINGS = Object.keys(SUFFIXES) as Encoding[];

/**
 * @throws TypeError when an option is of another type, or there is none of its name
 * @throws RangeError when its value is not one of those that there are
 */
export function checkOptions(options: StaticOptions): CheckedOptions {
  const unknown = Object.keys(options).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw new TypeError(`${show(unknown)} is no option; there are ${KEYS.join(', ')}`);
  const { index = 'index.html', cacheControl = {}, precompressed = false, listing = false } = options;
  const { fallback, download = false, symlinks = 'beneath', dotfiles = 'ignore' } = options;
  const { openFileCache = true, rate } = options;
  if (typeof listing !== 'boolean') throw new TypeError(`listing must be true or false, got ${show(listing)}`);
  return {
    index: checkIndex(index),
    cacheControl: checkCacheControl(cacheControl),
    precompressed: checkEncodings(precompressed),
    listing,
    fallback: fallback === undefined ? null : checkFallback(fallback),
    download: checkDownload(download),
    symlinks: oneOf('symlinks', symlinks, ['beneath', 'follow', 'never']),
    dotfiles: oneOf('dotfiles', dotfiles, ['ignore', 'deny', 'allow']),
    openFileCache: checkOpenFileCache(openFileCache),
    rate: rate === undefined ? undefined : checkRate('rate', rate),
  };
}

function oneOf<Value extends string>(key: string, value: Value, allowed: readonly Value[]): Value {
  if (allowed.includes(value)) return value;
  throw new RangeError(`${key} must be one of ${allowed.map(show).join(', ')}, got ${show(value)}`);
}

function strings(key: string, value: unknown, what: string): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.every((each) => typeof each === 'string')) return list;
  throw new TypeError(`${key} must be ${what}, got ${show(value)}`);
}

function checkIndex(index: string | readonly string[]): string[] {
  const names = strings('index', index, "a file's name, or an array of them");
  const wrong = names.find((name) => !isName(name));
  if (wrong === undefined) return names;
  throw new RangeError(`index must be a file's name without a directory, got ${show(wrong)}`);
}

function checkCacheControl(given: string | Readonly<Record<string, string>>): ByPath<string | undefined> {
  if (typeof given !== 'string' && (typeof given !== 'object' || given === null || Array.isArray(given))) {
    throw new TypeError(`cacheControl must be a string, or an object of them by glob, got ${show(given)}`);
  }
  const rules = typeof given === 'string' ? [['**', given] as const] : Object.entries(given);
  const checked = rules.map(([glob, value]) => {
    if (typeof value !== 'string') {
      throw new TypeError(`cacheControl[${show(glob)}] must be a string, got ${show(value)}`);
    }
    if (!/^[\t\x20-\x7e]+$/.test(value)) {
      throw new RangeError(`cacheControl must be one or more visible ASCII characters and blanks, got ${show(value)}`);
    }
    return [matcher('cacheControl', glob), value] as const;
  });
  return (path) => checked.find(([matches]) => matches(path))?.[1];
}

function checkEncodings(given: boolean | readonly Encoding[]): readonly Encoding[] {
  if (typeof given === 'boolean') return given ? ENCODINGS : [];
  if (!Array.isArray(given)) {
    throw new TypeError(`precompressed must be true, false, or an array of codings, got ${show(given)}`);
  }
  return given.map((encoding: Encoding) => oneOf('precompressed', encoding, ENCODINGS));
}

function checkFallback(fallback: string): string[] {
  if (typeof fallback !== 'string') throw new TypeError(`fallback must be a file's path, got ${show(fallback)}`);
  const names = fallback.replace(/^\//, '').split('/');
  if (names.every(isName)) return names;
  throw new RangeError(`fallback must be the path of a file beneath the root, got ${show(fallback)}`);
}

function checkDownload(given: boolean | string | readonly string[]): ByPath<boolean> {
  if (typeof given === 'boolean') return () => given;
  const matchers = strings('download', given, 'true, false, or one or more globs').map((glob) =>
    matcher('download', glob),
  );
  return (path) => matchers.some((matches) => matches(path));
}

/** What the numbers of `openFileCache` may be: least and greatest value. */
export const OPEN_FILE_CACHE_RANGES = { max: [1, 1_000_000], revalidateMs: [1, 60_000] } as const;

function checkOpenFileCache(given: boolean | OpenFileCacheOptions): OpenFileCacheOptions | null {
  if (typeof given === 'boolean') return given ? {} : null;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new TypeError(`openFileCache must be true, false, or an object of max and revalidateMs, got ${show(given)}`);
  }
  for (const [key, value] of Object.entries(given)) {
    if (!(key in OPEN_FILE_CACHE_RANGES)) {
      throw new TypeError(`openFileCache has no ${show(key)}; there are max and revalidateMs`);
    }
    const [least, greatest] = OPEN_FILE_CACHE_RANGES[key as keyof typeof OPEN_FILE_CACHE_RANGES];
    if (!Number.isInteger(value) || value < least || value > greatest) {
      throw new RangeError(
        `openFileCache.${key} must be a whole number from ${least} to ${greatest}, got ${show(value)}`,
      );
    }
  }
  return given;
}

function matcher(key: string, glob: string): (path: string) => boolean {
  if (glob === '') throw new RangeError(`${key} must have globs that match something, got ''`);
  return picomatch(glob, { basename: !glob.includes('/'), dot: true });
}
