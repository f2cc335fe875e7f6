/** In development: errors of an application are shown where the developer looks. Never in production. */

import { spawnSync } from 'node:child_process';
import { ApplicationNotFoundError, locateApplication } from '../cli/load-application.js';
import type { Served } from '../configuration/index.js';
import type { Application, Chunk, Environ, ResponseBody, StartResponse } from '../types.js';
import { describeExcerpt, errorPage, hasExcerpt } from './error-page.js';
import { applicationOf } from './service.js';

/**
 * Loads what is served. Where that fails, what is answered is a page that says why, until a file is changed.
 *
 * @returns the application with {@link showErrors} around it
 */
export async function developedApplication(served: Served): Promise<Application> {
  try {
    return showErrors(await applicationOf(served));
  } catch (error) {
    const cause = error instanceof ApplicationNotFoundError ? (error.cause ?? error) : error;
    if (served.kind === 'application') locateSyntaxError(cause, served.target);
    process.stderr.write(`uwsgiref: ${served.kind === 'application' ? served.target : served.root} cannot be loaded\n`);
    process.stderr.write(describeExcerpt(cause));
    return (environ, startResponse) => answerError(cause, environ, startResponse);
  }
}

/** How long another process has to find the same error. Milliseconds. */
const SEARCH_TIMEOUT = 5000;

/**
 * Puts the place of a syntax error before its stack. Node tells that of an ECMAScript module only when such an error ends
 * the process, so that one is started to end by it. Nothing of the application runs there: its modules are all parsed first.
 */
function locateSyntaxError(error: unknown, target: string): void {
  if (!(error instanceof SyntaxError) || hasExcerpt(error)) return;
  const program = `await import(${JSON.stringify(locateApplication(target))})`;
  const args = [...process.execArgv, '--input-type=module', '--eval', program];
  const { stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: SEARCH_TIMEOUT });
  const [place] = /^\S+:\d+\n.*\n *\^+\n/m.exec(stderr ?? '') ?? [];
  if (place !== undefined) error.stack = `${place}\n${error.stack}`;
}

/** Middleware: an error before the first byte of an answer becomes a page with its source and its stack. */
export function showErrors(application: Application): Application {
  return async (environ, startResponse) => {
    let body: ResponseBody;
    try {
      body = await application(environ, startResponse);
    } catch (error) {
      return report(error, environ, startResponse);
    }
    // These fail no more: they are there, or are sent behind the application's back.
    if (Array.isArray(body) || !(Symbol.asyncIterator in body || isGenerator(body))) return body;
    return new GuardedBody(body, (error) => report(error, environ, startResponse));
  };
}

function isGenerator(body: object): boolean {
  return 'next' in body && 'throw' in body;
}

function report(error: unknown, environ: Environ, startResponse: StartResponse): Chunk[] {
  process.stderr.write(describeExcerpt(error));
  return answerError(error, environ, startResponse);
}

function answerError(error: unknown, environ: Environ, startResponse: StartResponse): Chunk[] {
  const wantsPage = /\btext\/html\b/.test(String(environ.HTTP_ACCEPT ?? ''));
  const text = wantsPage ? errorPage(error, environ) : describeExcerpt(error);
  const type = wantsPage ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8';
  // Where the head has left already, this throws the error again, and the connection is closed.
  startResponse(
    '500 Internal Server Error',
    [
      ['Content-Type', type],
      ['Cache-Control', 'no-store'],
    ],
    error,
  );
  return [text];
}

/** A body whose errors are answered. */
class GuardedBody {
  readonly #body: ResponseBody;
  readonly #answer: (error: unknown) => Chunk[];

  constructor(body: ResponseBody, answer: (error: unknown) => Chunk[]) {
    this.#body = body;
    this.#answer = answer;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Chunk> {
    try {
      yield* this.#body;
    } catch (error) {
      yield* this.#answer(error);
    }
  }

  close(): void | Promise<void> {
    return this.#body.close?.();
  }
}
