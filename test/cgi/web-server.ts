import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { runnable, runnableExamples } from '../runnable-examples.js';
import { Program } from '../server/fixtures/program.js';
import { freePort, later, temporaryFolder } from '../server/fixtures/started-server.js';

/** What a web server's configuration is made from. */
export interface Place {
  /** For the server's own files; the current directory. */
  readonly folder: string;
  /** The folder of `app.cgi`, the CGI program. */
  readonly documents: string;
  /** The port of 127.0.0.1 to listen at. */
  readonly port: number;
  /** The file for errors: the server's own, and what its programs write to standard error. */
  readonly log: string;
}

export interface WebServer {
  readonly port: number;
  /** The URL of the CGI program. */
  readonly url: string;
  /** What has been reported so far. */
  log(): string;
}

/** Makes examples/cgi.ts a CGI program and answers its folder. Call it at a test file's top level. */
export async function cgiProgram(): Promise<string> {
  const { folder } = await runnableExamples();
  const example = join(folder, runnable('cgi.ts'));
  writeFileSync(join(folder, 'app.cgi'), `#!/bin/sh\nexec '${process.execPath}' '${example}'\n`, { mode: 0o755 });
  openToAll(dirname(folder));
  return folder;
}

/**
 * Runs a web server in the foreground, up to the end of the test.
 *
 * @param args what makes it stay in the foreground
 * @throws Error with what was reported when the server does not come to listen
 */
export async function startedWebServer(
  command: string,
  args: string[],
  documents: string,
  configuration: (place: Place) => string,
): Promise<WebServer> {
  const folder = temporaryFolder();
  openToAll(folder);
  const place: Place = { folder, documents, port: await freePort(), log: join(folder, 'error.log') };
  const file = join(folder, 'server.conf');
  writeFileSync(file, configuration(place));

  const program = new Program(command, [...args, '-f', file], { cwd: folder });
  // It ends its own processes, which a SIGKILL would leave behind.
  onTestFinished(async () => {
    program.process.kill('SIGTERM');
    await program.ended;
  });
  const log = () => program.errorOutput + (existsSync(place.log) ? readFileSync(place.log, 'utf8') : '');
  for (let tries = 1; !(await listens(place.port)); tries++) {
    if (tries === 200 || program.process.exitCode !== null) throw new Error(`${command} does not listen: ${log()}`);
    await later(50);
  }
  return { port: place.port, url: `http://127.0.0.1:${place.port}/app.cgi`, log };
}

/** For a web server that, started by root, works as a user of its own. */
export const RUN_BY_ROOT = process.getuid?.() === 0;

function openToAll(folder: string): void {
  execFileSync('chmod', ['-R', 'a+rX', folder]);
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
