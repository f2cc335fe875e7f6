/** A server with an application under the validator, and what is wrong with its answers. */

import { AssertionError } from 'node:assert';
import { setTimeout as later } from 'node:timers/promises';
import { serve } from '../server/index.js';
import { describeError } from '../show.js';
import { DescriptorErrors } from '../streams.js';
import type { Application } from '../types.js';
import { validator, WSGIWarning } from '../validate.js';
import { sectionOf } from './rules.js';
import { type Reply, send, type Trial } from './trials.js';

/** How long an application may take to answer. Milliseconds. */
const PATIENCE = 10_000;
/** Frames of the stack of an error that is the application's own. */
const FRAMES = 8;
/** Frames of ours are of no interest. */
const PACKAGE = new URL('..', import.meta.url).href;

export class TestBench {
  readonly #port: number;
  readonly #complaints: string[];

  private constructor(port: number, complaints: string[]) {
    this.#port = port;
    this.#complaints = complaints;
  }

  /** @throws ListenError when there is no port to be had */
  static async of(application: Application): Promise<TestBench> {
    const complaints: string[] = [];
    const others = process.listeners('warning');
    process.removeAllListeners('warning');
    process.on('warning', (warning) => {
      if (warning instanceof WSGIWarning) complaints.push(withRule(warning.message));
      else for (const listener of others) listener(warning);
    });
    const { address } = await serve(withErrorsOfItsOwn(validator(application)), {
      port: 0,
      requestTimeout: PATIENCE,
      onError: ({ error }) => complaints.push(described(error)),
      errors: {
        write: (text) => complaints.push(withRule(text.trimEnd().replace(/^uwsgiref: /, ''))),
        writelines: (lines) => complaints.push(...lines),
        flush: () => {},
      },
    });
    return new TestBench((address as { port: number }).port, complaints);
  }

  async try(trial: Trial): Promise<{ reply: Reply; complaints: string[] }> {
    const reply = await send(trial, this.#port);
    // An answer may be there before what went wrong behind it is told.
    await later(0);
    const complaints = this.#complaints.splice(0);
    const judged = trial.judge?.(reply);
    if (reply.broken && complaints.length === 0)
      complaints.push('The connection was closed before the answer was whole');
    if (complaints.length === 0 && judged !== undefined) complaints.push(judged);
    return { reply, complaints };
  }
}

/** What an application writes to `wsgi.errors` is no complaint of the server's. */
function withErrorsOfItsOwn(application: Application): Application {
  const errors = new DescriptorErrors();
  return (environ, startResponse) => {
    environ['wsgi.errors'] = errors;
    return application(environ, startResponse);
  };
}

/** Of a broken rule the sentence alone, of other errors where they come from. */
function described(error: unknown): string {
  if (error instanceof AssertionError && sectionOf(error.message) !== undefined) return withRule(error.message);
  const lines = describeError(error, FRAMES).split('\n');
  return lines.filter((line) => !line.includes(PACKAGE)).join('\n');
}

function withRule(sentence: string): string {
  const section = sectionOf(sentence);
  return section === undefined ? sentence : `${sentence} (PEP 3333, ${section})`;
}
