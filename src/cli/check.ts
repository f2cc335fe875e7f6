/** `uwsgiref check`: real requests to an application under the validator, on a server of their own. */

import type { Command } from 'commander';
import { loadApplication } from './load-application.js';
import { TestBench } from './test-bench.js';
import { type Reply, trialsOf } from './trials.js';

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
    process.stdout.write(`${complaints.length === 0 ? 'ok   ' : 'wrong'}  ${trial.name}: ${outcomeOf(reply)}`);
    const text = complaints.join('\n').replaceAll('\n', '\n       ');
    if (text === '') process.stdout.write('\n');
    else if (met.has(text)) process.stdout.write(`; as for ${met.get(text)}\n`);
    else process.stdout.write(`\n       ${text}\n`);
    if (!met.has(text)) met.set(text, trial.name);
  }
  const found = wrong === 0 ? 'requests, the validator found nothing' : `requests, ${wrong} of which went wrong`;
  process.stdout.write(`${target}: ${trials.length} ${found}\n`);
  // What the application has begun, such as timers, would keep the process.
  process.exit(wrong === 0 ? 0 : 1);
}

function outcomeOf({ status, reason, length }: Reply): string {
  return status === 0 ? 'no answer' : `${status} ${reason}, ${length} bytes`;
}
