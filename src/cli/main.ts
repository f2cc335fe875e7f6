#!/usr/bin/env node
/** The command line. Each command has a module of its own. */

import { Command } from 'commander';
import { ConfigurationError } from '../configuration/errors.js';
import { outliveOutput } from '../host/frame.js';
import { VERSION } from '../version.js';
import { addCheck } from './check.js';
import { addCtl } from './ctl.js';
import { addServe, addStatic } from './serve.js';

const program = new Command('uwsgiref')
  .description("CPython's wsgiref in TypeScript, on a native engine")
  .version(VERSION)
  .configureOutput({ outputError: (text, write) => write(inOneLine(text)) });
for (const add of [addServe, addStatic, addCheck, addCtl]) add(program);

outliveOutput();

try {
  await program.parseAsync();
} catch (error) {
  // An error of ours says in one line what to do; a stack would only bury it.
  const message = error instanceof Error ? error.message : String(error);
  const lines = error instanceof ConfigurationError ? message.split('\n') : [message];
  for (const line of lines) process.stderr.write(`uwsgiref: ${line}\n`);
  // What the command has begun, such as timers and sockets, would keep the process.
  process.exit(1);
}

/** commander's own errors look like ours. */
function inOneLine(text: string): string {
  const [, what = text, remedy] = /^error: (.*?)(?:\n\((.*)\))?\n$/s.exec(text) ?? [];
  return `uwsgiref: ${what}${remedy === undefined ? '' : `; ${remedy.replace('Did', 'did')}`}\n`;
}
