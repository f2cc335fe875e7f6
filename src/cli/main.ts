#!/usr/bin/env node
/** The command line: `uwsgiref serve`, `uwsgiref static`, `uwsgiref check`. */

import { Command, InvalidArgumentError, Option } from 'commander';
import { FORWARDED_FIELDS } from '../server/forwarded.js';
import type { StaticOptions } from '../static/index.js';
import { VERSION } from '../version.js';
import { checkCommand } from './check.js';
import { type ListenFlags, serveCommand } from './serve.js';

const program = new Command('uwsgiref')
  .description("CPython's wsgiref in TypeScript, on a native engine")
  .version(VERSION);

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return value;
}

function list(text: string): string[] {
  return text.split(',').map((each) => each.trim());
}

/** The first choice is the default. */
function choice(flags: string, description: string, choices: string[]): Option {
  return new Option(flags, description).choices(choices).default(choices[0]);
}

function collect(value: string, values: string[] = []): string[] {
  return [...values, value];
}

/** A value of Cache-Control has no colon, so that what is before one is a glob. */
function cacheRule(text: string, rules: Record<string, string> = {}): Record<string, string> {
  const [, glob = '**', value = ''] = /^(?:(.*):)?\s*(.*)$/s.exec(text) ?? [];
  return { ...rules, [glob]: value };
}

function listening(command: Command): Command {
  return command
    .option('--host <address>', 'address to listen at; 0.0.0.0 or :: for every one', '127.0.0.1')
    .option('--port <number>', 'port to listen at; 0 picks a free one', port, 8000)
    .option('--path <socket>', 'Unix socket to listen at, instead of host and port')
    .option('--tls-cert <file>', 'serve HTTPS: the certificate and its chain, a PEM file; SIGHUP reads it again')
    .option('--tls-key <file>', "the certificate's key, a PEM file")
    .option('--tls-ca <file>', 'authorities of client certificates, a PEM file: clients without one are refused')
    .option('--trusted-proxies <list>', "addresses, blocks such as 10.0.0.0/8, and 'unix:', by commas", list)
    .addOption(new Option('--forwarded-fields <which>', 'what these are believed').choices(FORWARDED_FIELDS))
    .option('--proxy-protocol', 'connections of these begin with a PROXY header');
}

listening(program.command('serve'))
  .description('serve an application')
  .argument('<module[:export]>', "a module's path or package name; the export defaults to 'app', then the default one")
  .action((target: string, options: ListenFlags) => serveCommand({ kind: 'application', target }, options));

listening(program.command('static'))
  .description('serve the files of a directory')
  .argument('<directory>')
  .option('--index <name>', 'file that stands for its directory; may be given again (default: index.html)', collect)
  .option('--listing', 'show what is in a directory that has no index')
  .option('--cache-control <[glob:]value>', "Cache-Control, as '*.html: no-cache'; may be given again", cacheRule)
  .option('--precompressed', 'send file.br, file.zst or file.gz in place of file')
  .option('--fallback <file>', 'what to send where there is no file, to requests without an extension')
  .option('--download <glob>', "files to save rather than show, '**' for all; may be given again", collect)
  .addOption(choice('--symlinks <which>', 'symbolic links to follow', ['beneath', 'follow', 'never']))
  .addOption(choice('--dotfiles <how>', 'what to do about hidden names', ['ignore', 'deny', 'allow']))
  .action((root: string, flags: ListenFlags & StaticOptions) => {
    const { index, listing, cacheControl, precompressed, fallback, download, symlinks, dotfiles, ...listen } = flags;
    const given = { index, listing, cacheControl, precompressed, fallback, download, symlinks, dotfiles };
    const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    return serveCommand({ kind: 'directory', root, options }, listen);
  });

program
  .command('check')
  .description('run an application under the validator')
  .argument('<module[:export]>', "a module's path or package name; the export defaults to 'app', then the default one")
  .option('--request-path <path>', 'what to ask for', '/')
  .action((target: string, options: { requestPath: string }) => checkCommand(target, options.requestPath));

try {
  await program.parseAsync();
} catch (error) {
  // An error of ours says in one line what to do; a stack would only bury it.
  process.stderr.write(`uwsgiref: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
