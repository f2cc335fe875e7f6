/** `uwsgiref.config.{ts,mts,js,mjs,json}`: finds and loads it, afresh each time. */

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeError, show } from '../show.js';
import { ConfigurationError } from './errors.js';
import { typescriptRemedy } from './typescript.js';

const FILE_NAMES = ['ts', 'mts', 'js', 'mjs', 'json'].map((extension) => `uwsgiref.config.${extension}`);

export interface LoadedFile {
  /** As messages name it. */
  readonly name: string;
  readonly values: Record<string, unknown>;
}

/**
 * @param named the path that the user names; else the directory is looked into
 * @returns undefined where there is none
 * @throws ConfigurationError when there is more than one, or it cannot be loaded, or holds no object
 */
export async function loadConfigurationFile(
  directory: string,
  named: string | undefined,
): Promise<LoadedFile | undefined> {
  const path = named === undefined ? findConfigurationFile(directory) : resolve(directory, named);
  if (path === undefined) return undefined;
  const name = nameOf(path, directory);
  if (!existsSync(path)) throw new ConfigurationError(`There is no configuration file ${name}`);
  const values = path.endsWith('.json') ? readJson(path, name) : await importDefault(path, name);
  if (typeof values === 'object' && values !== null && !Array.isArray(values)) {
    return { name, values: values as Record<string, unknown> };
  }
  const what = path.endsWith('.json') ? 'hold an object' : 'have an object for its default export';
  throw new ConfigurationError(`${name} must ${what}, got ${show(values)}`);
}

function findConfigurationFile(directory: string): string | undefined {
  const found = FILE_NAMES.filter((name) => existsSync(join(directory, name)));
  if (found.length > 1) {
    throw new ConfigurationError(`There are ${found.join(' and ')}; keep one of them, or name one with --config`);
  }
  return found[0] === undefined ? undefined : join(directory, found[0]);
}

function nameOf(path: string, directory: string): string {
  const name = relative(directory, path);
  return name.startsWith('..') || isAbsolute(name) ? path : name;
}

function readJson(path: string, name: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as unknown;
  } catch (error) {
    throw new ConfigurationError(`${name} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

let loads = 0;

/** Modules are kept by URL, and those of CommonJS by path as well; so each time it is another URL, and a path forgotten. */
async function importDefault(path: string, name: string): Promise<unknown> {
  const url = pathToFileURL(path);
  url.searchParams.set('load', String(++loads));
  delete createRequire(import.meta.url).cache[path];
  try {
    return ((await import(url.href)) as { default?: unknown }).default;
  } catch (error) {
    const remedy = typescriptRemedy(name, error);
    throw new ConfigurationError(remedy ?? `${name} cannot be loaded: ${describeError(error, 3)}`, { cause: error });
  }
}
