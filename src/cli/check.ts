/** `uwsgiref check`: one GET request to an application under the validator. */

import type { Command } from 'commander';
import { SimpleHandler } from '../handlers.js';
import { MemoryErrors, MemoryInput } from '../streams.js';
import type { Environ } from '../types.js';
import { setupTestingDefaults } from '../util.js';
import { validator } from '../validate.js';
import { loadApplication } from './load-application.js';

export function addCheck(program: Command): void {
  program
    .command('check')
    .description('run an application under the validator')
    .argument(
      '<module[:export]>',
      "a module's path or package name; the export defaults to 'app', then the default one",
    )
    .option('--request-path <path>', 'what to ask for', '/')
    .action((target: string, options: { requestPath: string }) => check(target, options.requestPath));
}

/** Reports what the validator has to say; the exit code is 1 when the application breaks a rule. */
async function check(target: string, requestPath: string): Promise<void> {
  const application = await loadApplication(target);
  const environ = { PATH_INFO: requestPath, SCRIPT_NAME: '', QUERY_STRING: '' } as unknown as Environ;
  setupTestingDefaults(environ);
  const variables: Record<string, string> = {};
  for (const [key, value] of Object.entries(environ)) if (typeof value === 'string') variables[key] = value;

  const errors = new MemoryErrors();
  let status = '';
  let length = 0;
  const output = {
    write(data: Uint8Array): void {
      if (length === 0) status = Buffer.from(data).toString('latin1').split('\r\n', 1)[0] ?? '';
      length += data.length;
    },
    flush(): void {},
  };
  await new SimpleHandler(new MemoryInput(), output, errors, variables).run(validator(application));
  if (errors.text !== '') {
    process.stderr.write(errors.text);
    process.stdout.write(`${target}: GET ${requestPath} breaks the rules of WSGI; see above\n`);
    process.exitCode = 1;
    return;
  }
  process.stdout.write(
    `${target}: GET ${requestPath} answered ${status}, ${length} bytes; the validator found nothing\n`,
  );
}
