/** `uwsgiref serve` and `uwsgiref static`: a configuration from file, environment and flags, and a process that it describes. */

import type { Command } from 'commander';
import { readConfiguration } from '../configuration/index.js';
import { SETTINGS, STATIC_SETTINGS } from '../configuration/schema.js';
import { addSettingFlags } from './setting-flags.js';

export function addServe(program: Command): void {
  const command = program
    .command('serve')
    .description('serve an application')
    .argument(
      '[module[:export]]',
      "a module's path or package name; the export defaults to 'app', then the default one",
    );
  addCommonFlags(command);
  addSettingFlags(command, SETTINGS);
  command.action((app: string | undefined, flags: object) => run({ ...flags, app }));
}

export function addStatic(program: Command): void {
  const { app, multiprocess, ...settings } = SETTINGS;
  const command = program.command('static').description('serve the files of a directory').argument('<directory>');
  addCommonFlags(command);
  addSettingFlags(command, { ...settings, ...STATIC_SETTINGS });
  command.action((directory: string, flags: object) => run({ ...flags, directory }));
}

function addCommonFlags(command: Command): void {
  command.option(
    '--config <file>',
    'configuration file (default: uwsgiref.config.{ts,mts,js,mjs,json}, if there is one)',
  );
}

async function run(flags: Record<string, unknown>): Promise<void> {
  const read = () => readConfiguration({ flags, environment: process.env, directory: process.cwd() });
  const configuration = await read();
  // What only one of them needs costs the other no time.
  if (configuration.workers === 0) {
    const { runAlone } = await import('../host/alone.js');
    await runAlone(configuration);
  } else {
    const { runSupervisor } = await import('../host/run.js');
    await runSupervisor(configuration, read);
  }
}
