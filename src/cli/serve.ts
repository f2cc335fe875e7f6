/** `uwsgiref serve` and `uwsgiref static`: a configuration from file, environment and flags, and a process that it describes. */

import type { Command } from 'commander';
import { printConfiguration, readConfiguration, type Source } from '../configuration/index.js';
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
  addSettingFlags(command, { ...STATIC_SETTINGS, ...settings });
  command.action((directory: string, flags: object) => run({ ...flags, directory }));
}

function addCommonFlags(command: Command): void {
  command
    .option('--config <file>', 'configuration file (default: uwsgiref.config.{ts,mts,js,mjs,json}, if there is one)')
    .option('--check', 'look whether all is in order, serve nobody; the exit code is 1 if it is not')
    .option('--print-config', 'print the configuration, and where each value comes from; serve nobody');
}

interface Modes {
  check?: true;
  printConfig?: true;
}

async function run({ check, printConfig, ...flags }: Modes & Record<string, unknown>): Promise<void> {
  // Read again, the working directory may be another: that of a new release, behind the same symbolic link.
  const source = (): Source => ({ flags, environment: process.env, directory: process.cwd() });
  if (printConfig) {
    process.stdout.write(await printConfiguration(source()));
    if (!check) return;
  }
  const configuration = await readConfiguration(source());
  // What only one of them needs costs the others no time.
  if (check) {
    const { preflight } = await import('./preflight.js');
    const good = await preflight(configuration);
    // The application that was loaded may have begun something.
    process.exit(good ? 0 : 1);
  }
  if (configuration.workers === 0) {
    const { runAlone } = await import('../host/alone.js');
    await runAlone(configuration);
  } else {
    const { runSupervisor } = await import('../host/run.js');
    await runSupervisor(configuration, () => readConfiguration(source()));
  }
}
