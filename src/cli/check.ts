/** `uwsgiref check`: real requests to an application under the validator, on a server of their own. */

import { setTimeout as later } from 'node:timers/promises';
import type { Command } from 'commander';
import { serve } from '../server/index.js';
import { DescriptorErrors } from '../streams.js';
import type { Application, ErrorStream } from '../types.js';
import { validator, WSGIWarning } from '../validate.js';
import { loadApplication } from './load-application.js';
import { sectionOf } from './rules.js';
import { type Reply, send, type Trial, trialsOf } from './trials.js';

/** How long an application may take to answer. Milliseconds. */
const PATIENCE = 10_000;
/** Frames of the stack of an error that is the application's own. */
const FRAMES = 4;
/** Frames of ours are of no interest. */
const PACKAGE = new URL('..', import.meta.url).href;

export function addCheck(program: Command): void {
  program
    .command('check')
    .description('try an application with several requests, under the validator')
    .argument(
      '<module[:export]>',
      "a module's path or package name; the export defaults to 'app', then the default one",
    )
    .option('--request-path <path>', 'what to ask for', '/')
    .action((target: string, options: { requestPath: string }) => check(target, options.requestPath));
}

/** Reports what each request has shown; the exit code is 1 when the application breaks a rule. */
async function check(target: string, path: string): Promise<void> {
  if (!/^\/[\x21-\x7e]*$/.test(path)) {
    throw new Error(`--request-path must be a path as it is sent, such as '/a%20b?c=d', got '${path}'`);
  }
  const bench = await TestBench.of(await loadApplication(target));
  const trials = trialsOf(path);
  const replies: Reply[] = [];
  /** Complaints, and by which trial they were met first. */
  const met = new Map<string, string>();
  let wrong = 0;
  for (const trialAfter of trials) {
    const trial = trialAfter(replies);
    const { reply, complaints } = await bench.try(trial);
    replies.push(reply);
    if (complaints.length > 0) wrong++;
    const text = complaints
      .map((complaint) => `\n${complaint}`)
      .join('')
      .replaceAll('\n', '\n       ');
    const first = met.get(text);
    const remark = first === undefined ? text : `; as for ${first}`;
    if (text !== '' && first === undefined) met.set(text, trial.name);
    process.stdout.write(`${text === '' ? 'ok   ' : 'wrong'}  ${trial.name}: ${outcomeOf(reply)}${remark}\n`);
  }
  const found = wrong === 0 ? 'requests, the validator found nothing' : `requests, ${wrong} of which went wrong`;
  process.stdout.write(`${target}: ${trials.length} ${found}\n`);
  // What the application has begun, such as timers, would keep the process.
  process.exit(wrong === 0 ? 0 : 1);
}

function outcomeOf({ status, reason, length }: Reply): string {
  return status === 0 ? 'no answer' : `${status} ${reason}, ${length} bytes`;
}

/** A server with the application under the validator, and what it complains of. */
class TestBench {
  readonly #port: number;
  readonly #complaints: string[];

  private constructor(port: number, complaints: string[]) {
    this.#port = port;
    this.#complaints = complaints;
  }

  static async of(application: Application): Promise<TestBench> {
    const complaints: string[] = [];
    const others = process.listeners('warning');
    process.removeAllListeners('warning');
    process.on('warning', (warning) => {
      if (warning instanceof WSGIWarning) complaints.push(withRule(warning.message));
      else for (const listener of others) listener(warning);
    });
    // What the server reports is told from what the application writes to wsgi.errors, which is no complaint.
    const own = new DescriptorErrors();
    const validated = validator(application);
    const apart: Application = (environ, startResponse) => {
      environ['wsgi.errors'] = own;
      return validated(environ, startResponse);
    };
    const errors = new ComplaintStream((text) => complaints.push(described(text)));
    const { address } = await serve(apart, { port: 0, requestTimeout: PATIENCE, errors });
    return new TestBench((address as { port: number }).port, complaints);
  }

  async try(trial: Trial): Promise<{ reply: Reply; complaints: string[] }> {
    const reply = await send(trial, this.#port);
    // An answer may be there before what went wrong behind it is told.
    await later(0);
    const complaints = this.#complaints.splice(0);
    const judged = trial.judge?.(reply);
    if (reply.broken && complaints.length === 0) complaints.push(BROKEN);
    if (complaints.length === 0 && judged !== undefined) complaints.push(judged);
    return { reply, complaints };
  }
}

const BROKEN = 'The connection was closed before the answer was whole';

/** `wsgi.errors` of the server, a report at a time. */
class ComplaintStream implements ErrorStream {
  readonly #tell: (text: string) => void;

  constructor(tell: (text: string) => void) {
    this.#tell = tell;
  }

  write(text: string): void {
    this.#tell(text.trimEnd());
  }

  writelines(lines: Iterable<string>): void {
    this.write([...lines].join(''));
  }

  flush(): void {}
}

/** An error as the server reports it: of a broken rule the sentence alone, of others where they come from. */
function described(report: string): string {
  const [head = '', ...frames] = report.split('\n    at ');
  const sentence = head.replace(/^(AssertionError( \[ERR_ASSERTION\])?|uwsgiref): /, '');
  if (sectionOf(sentence) !== undefined) return withRule(sentence);
  const ours = frames.findIndex((frame) => frame.includes(PACKAGE));
  return [head, ...frames.slice(0, ours < 0 ? FRAMES : Math.min(ours, FRAMES))].join('\n    at ');
}

function withRule(sentence: string): string {
  const section = sectionOf(sentence);
  return section === undefined ? sentence : `${sentence} (PEP 3333, ${section})`;
}
