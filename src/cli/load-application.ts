/** Finds the application that `MODULE[:EXPORT]` names. */

import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { typescriptRemedy } from '../configuration/typescript.js';
import { describeError } from '../show.js';
import type { Application } from '../types.js';

/** `MODULE[:EXPORT]` names nothing that can be served. The message says what was looked for. */
export class ApplicationNotFoundError extends Error {
  override name = 'ApplicationNotFoundError';
}

/**
 * Imports the application.
 *
 * @param target a file's path or a package name, and the export behind a colon; without one `app`, then the default
 * @throws ApplicationNotFoundError when there is no such module or export, or the module fails to load
 */
export async function loadApplication(target: string): Promise<Application> {
  const { specifier, name } = partsOf(target);
  const module = await importModule(specifier);
  const application = name === undefined ? (module.app ?? module.default) : module[name];
  if (typeof application === 'function') return application as Application;
  const wanted = name === undefined ? "neither 'app' nor a default export" : `no export '${name}'`;
  const found = Object.keys(module).join(', ') || 'nothing';
  throw new ApplicationNotFoundError(`${specifier} has ${wanted} that is a function; it exports ${found}`);
}

/**
 * Where the module of an application is.
 *
 * @throws ApplicationNotFoundError when there is none
 */
export function locateApplication(target: string): string {
  return locate(partsOf(target).specifier);
}

function partsOf(target: string): { specifier: string; name: string | undefined } {
  const [, specifier = target, name] = /^(.+?)(?::([A-Za-z_$][\w$]*))?$/.exec(target) ?? [];
  return { specifier, name };
}

async function importModule(specifier: string): Promise<Record<string, unknown>> {
  const url = locate(specifier);
  try {
    return (await import(url)) as Record<string, unknown>;
  } catch (error) {
    const remedy = typescriptRemedy(specifier, error);
    throw new ApplicationNotFoundError(remedy ?? `${specifier} failed to load: ${describeError(error, 5)}`, {
      cause: error,
    });
  }
}

function locate(specifier: string): string {
  const path = resolve(specifier);
  if (exists(path)) return pathToFileURL(path).href;
  // A package is looked up from where the user is, and this one by its own name from wherever it is.
  for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
    try {
      return pathToFileURL(createRequire(from).resolve(specifier)).href;
    } catch {}
  }
  throw new ApplicationNotFoundError(`There is no file ${path}, and no package '${specifier}' from here`);
}

/** @throws ApplicationNotFoundError when this user may not know */
function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw new ApplicationNotFoundError(`${path} cannot be reached: ${(error as Error).message}`, { cause: error });
  }
}
