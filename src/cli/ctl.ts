/** `uwsgiref ctl`: asks a server that runs how it is, and tells it what to do, by its administration. */

import { type ClientRequestArgs, request } from 'node:http';
import { isAbsolute, resolve } from 'node:path';
import { styleText } from 'node:util';
import type { Command } from 'commander';
import { CONTROL_FIELD } from '../admin/control-field.js';
import { count, duration, joined, memory, NONE, span } from '../admin/page/format.js';
import type { SlowRequest, Status } from '../admin/status.js';
import { type Bind, formatBind } from '../configuration/index.js';
import { readSettings } from '../configuration/settings.js';
import { MOST_WORKERS, parseBind } from '../configuration/values.js';
import { hexEscape } from '../show.js';

interface Flags {
  admin?: string;
  config?: string;
  json?: boolean;
}

/** The server cannot be asked, or does not do what it was told to. */
export class ControlError extends Error {
  override name = 'ControlError';
}

export function addCtl(program: Command): void {
  const ctl = program
    .command('ctl')
    .description('ask a server that runs, or tell it what to do, by its --admin')
    .option('--admin <place>', "where the server's administration listens (default: UWSGIREF_ADMIN, or as configured)")
    .option('--config <file>', 'the configuration file of the server (default: as for serve)')
    .option('--json', 'for status and slow: print what programs read')
    .configureHelp({ showGlobalOptions: true });
  const add = (name: string, description: string) =>
    ctl.command(name).description(description).configureHelp({ showGlobalOptions: true });

  add('status', 'how the server and its workers are').action(show<Status>('status', describeStatus));
  add('slow', 'the requests that are in flight, longest first').action(show<SlowRequest[]>('slow', describeSlow));
  add('reload', 'read the configuration again, and replace the workers one by one').action(tell(() => 'reload'));
  add('scale', 'have another number of workers')
    .argument('<workers>', `from 1 to ${MOST_WORKERS}`)
    .action(tell((workers) => `scale?workers=${encodeURIComponent(String(workers))}`));
  add('drain', 'let /ready say no, so that a load balancer sends new clients elsewhere').action(tell(() => 'drain'));
  add('undrain', 'let /ready say yes again').action(tell(() => 'undrain'));
}

/** An action of commander's, which has the command for `this`. */
type Action = (this: Command, argument: unknown) => Promise<void>;

function show<Value>(path: string, describe: (value: Value) => string): Action {
  return async function () {
    const flags = this.optsWithGlobals<Flags>();
    const admin = await adminOf(flags);
    const text = await ask(admin, 'GET', path);
    process.stdout.write(flags.json ? text : describe(parse(admin, text) as Value));
  };
}

function tell(pathOf: (argument: unknown) => string): Action {
  return async function (argument) {
    process.stdout.write(await ask(await adminOf(this.optsWithGlobals<Flags>()), 'POST', pathOf(argument)));
  };
}

// --- The administration ----------------------------------------------------------------------------------------------

/** @throws ControlError when nothing says where it is; ConfigurationError */
async function adminOf({ admin, config }: Flags): Promise<Bind> {
  const given = parseBind(admin ?? process.env.UWSGIREF_ADMIN ?? '');
  // A configuration that is broken keeps nobody from asking the server that runs.
  const place = given !== undefined && !isRelative(given) ? given : await configured({ admin, config });
  if ('fd' in place) {
    throw new ControlError(`${formatBind(place)} is a descriptor of the server's; give its address by --admin`);
  }
  return place;
}

async function configured(flags: { admin: string | undefined; config: string | undefined }): Promise<Bind> {
  const { values } = await readSettings({ flags, environment: process.env, directory: '.' });
  const place = values.admin;
  if (place === undefined) {
    throw new ControlError(
      "Which server? Give its --admin, such as 'uwsgiref ctl status --admin 127.0.0.1:9000', or UWSGIREF_ADMIN, " +
        'or a configuration file that has admin',
    );
  }
  // The server has resolved it from its own directory.
  return isRelative(place) ? { ...place, path: resolve(values.chdir ?? '.', place.path) } : place;
}

function isRelative(place: Bind): place is Bind & { path: string } {
  return 'path' in place && !isAbsolute(place.path);
}

/**
 * @returns the body of the answer
 * @throws ControlError when there is none, or it is an error
 */
function ask(admin: Bind, method: string, path: string): Promise<string> {
  const where = formatBind(admin);
  return new Promise((resolve, reject) => {
    // As localhost, since the administration is not to be had by any other name.
    const headers = { Host: 'localhost', Connection: 'close', [CONTROL_FIELD]: 'ctl' };
    const asked = request({ ...socketOf(admin), method, path: `/${path}`, headers, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        body += part;
      });
      answer.on('error', (error) => reject(new ControlError(`${where} broke off its answer: ${error.message}`)));
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve(body);
        else reject(new ControlError(body.trimEnd() || `${where} answered ${answer.statusCode}`));
      });
    });
    asked.on('error', (error: NodeJS.ErrnoException) => reject(new ControlError(trouble(where, error))));
    asked.end();
  });
}

function parse(admin: Bind, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ControlError(`What answers at ${formatBind(admin)} is no administration of uwsgiref`, { cause: error });
  }
}

function socketOf(admin: Bind): ClientRequestArgs {
  if ('path' in admin) return { socketPath: admin.path };
  const { host, port } = admin as { host: string; port: number };
  const everywhere = { '': '127.0.0.1', '0.0.0.0': '127.0.0.1', '::': '::1' };
  return { host: everywhere[host as keyof typeof everywhere] ?? host, port };
}

function trouble(where: string, { code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ECONNREFUSED':
      return `Nothing listens at ${where}; is the server running, and with this --admin? (${code})`;
    case 'ENOENT':
      return `There is no socket ${where}; is the server running, and with this --admin? (${code})`;
    case 'EACCES':
      return `This user may not connect to ${where}; its mode decides who may (${code})`;
    default:
      return `${where} gives no answer: ${message}`;
  }
}

// --- For people ------------------------------------------------------------------------------------------------------

function describeStatus(status: Status): string {
  const { served, urls, version, node, pid, startedAt, now, made, deaths, reloads, wanted } = status;
  const lines = [
    `${served}${urls.length > 0 ? ` at ${urls.join(', ')}` : ''}: ${stateOf(status)}`,
    `uwsgiref ${version}, Node ${node}, process ${pid}, up ${span(now - startedAt)}`,
    `${wanted} workers wanted, ${made} started, ${deaths} died, ${reloads} reloads`,
  ];
  const rows = status.workers.map(({ number, pid, state, startedAt, vitals }) => [
    String(number),
    String(pid),
    state,
    span(now - startedAt),
    ...(vitals === null
      ? Array<string>(5).fill(NONE)
      : [
          joined(count(vitals.requests)),
          joined(count(vitals.openConnections)),
          joined(count(vitals.inFlight)),
          joined(memory(vitals.memory)),
          joined(duration(vitals.loopDelayMs)),
        ]),
  ]);
  const heading = '>Worker >Process State >Up >Requests >Connections >In_flight >Memory >Loop_delay';
  return `${lines.join('\n')}\n\n${table(heading, rows)}`;
}

function stateOf({ stopping, draining, ready }: Status): string {
  if (stopping) return styled('yellow', 'stopping');
  if (draining) return styled('yellow', 'draining');
  return ready ? styled('green', 'ready') : styled('red', 'not ready');
}

function describeSlow(requests: SlowRequest[]): string {
  if (requests.length === 0) return 'No requests are in flight\n';
  const rows = requests.map(({ elapsedMs, worker, address, method, target }) => [
    joined(duration(elapsedMs)),
    String(worker),
    harmless(address),
    harmless(`${method} ${target}`),
  ]);
  return table('>For >Worker Client Request', rows);
}

/** What a client sends could otherwise control the terminal. */
function harmless(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, hexEscape);
}

/** @param heading the columns; with '>' those that are flush right, and '_' for a space */
function table(heading: string, rows: string[][]): string {
  const columns = heading.split(' ').map((column) => {
    return { name: column.replace('>', '').replace('_', ' '), right: column.startsWith('>') };
  });
  const widths = columns.map(({ name }, index) => Math.max(name.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (cells: string[]) =>
    cells
      .map((cell, index) => (columns[index]!.right ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!)))
      .join('  ')
      .trimEnd();
  return `${[styled('dim', line(columns.map(({ name }) => name))), ...rows.map(line)].join('\n')}\n`;
}

function styled(format: Parameters<typeof styleText>[0], text: string): string {
  return process.stdout.isTTY && !process.env.NO_COLOR ? styleText(format, text) : text;
}
