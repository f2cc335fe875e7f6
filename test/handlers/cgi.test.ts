import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../compile.js';

const directory = mkdtempSync(join(tmpdir(), 'uwsgiref-cgi-'));
const program = join(directory, 'program.js');

// The request's variables, and the bytes of two, as JSON; the body is read as far as it goes.
const source = `
import { CGIHandler, IISCGIHandler } from './handlers.js';
const Handler = process.argv[2] === 'iis' ? IISCGIHandler : CGIHandler;
if (process.argv[2] === 'changed') process.env.PATH_INFO = '/changed\\ufffd';
new Handler().run((environ, startResponse) => {
  if (environ.PATH_INFO === '/fail') throw new Error('the trouble');
  startResponse('200 OK', [['Content-Type', 'application/json']]);
  const strings = Object.entries(environ).filter(([, value]) => typeof value !== 'object' && typeof value !== 'function');
  const body = environ['wsgi.input'].read().toString();
  return [JSON.stringify({ ...Object.fromEntries(strings), body })];
});
`;

// Starts the program with an environment of bytes, which Node could not set.
const launcher = `
import json, os, subprocess, sys
node, program, handler, variables, body = sys.argv[1:]
env = {k.encode(): v.encode('latin-1') for k, v in json.loads(variables).items()}
done = subprocess.run([node, program, handler], env=env, input=body.encode(), capture_output=True)
json.dump([done.stdout.decode('latin-1'), done.stderr.decode(), done.returncode], sys.stdout)
`;

beforeAll(() => {
  compile(directory, 'handlers.ts');
  writeFileSync(program, source);
});
afterAll(() => rmSync(directory, { recursive: true }));

interface Outcome {
  stdout: string;
  stderr: string;
  code: number;
  environ: Record<string, unknown>;
}

function run(variables: Record<string, string>, { body = '', handler = 'cgi' } = {}): Outcome {
  const all = { REQUEST_METHOD: 'POST', SERVER_PROTOCOL: 'HTTP/1.1', ...variables };
  const args = ['-c', launcher, process.execPath, program, handler, JSON.stringify(all), body];
  const [stdout, stderr, code] = JSON.parse(execFileSync('python3', args, { encoding: 'utf8' }));
  const json = Buffer.from(stdout.slice(stdout.indexOf('\r\n\r\n') + 4), 'latin1').toString();
  return { stdout, stderr, code, environ: json.startsWith('{') ? JSON.parse(json) : {} };
}

describe('CGIHandler', () => {
  it('answers on standard output, with a Status field', () => {
    const { stdout, stderr, code } = run({});
    expect(stdout).toMatch(/^Status: 200 OK\r\nContent-Type: application\/json\r\nContent-Length: \d+\r\n\r\n\{/);
    expect([stderr, code]).toEqual(['', 0]);
  });

  it('says that it runs once, alone in its process', () => {
    expect(run({ HTTPS: 'on' }).environ).toMatchObject({
      'wsgi.run_once': true,
      'wsgi.multithread': false,
      'wsgi.multiprocess': true,
      'wsgi.url_scheme': 'https',
    });
  });

  it('has the bytes of the request, whether or not they are UTF-8', () => {
    expect(run({ PATH_INFO: '/\xe2\x82\xac', HTTP_X: '\x80\xff', QUERY_STRING: '' }).environ).toMatchObject({
      PATH_INFO: '/\xe2\x82\xac',
      HTTP_X: '\x80\xff',
    });
  });

  it('has what was set since, where the bytes can no longer be what they were', () => {
    expect(run({ PATH_INFO: '/\x80' }, { handler: 'changed' }).environ.PATH_INFO).toBe('/changed\xef\xbf\xbd');
  });

  it('reads no more of the body than there is', () => {
    expect(run({ CONTENT_LENGTH: '5' }, { body: 'hello, and more' }).environ.body).toBe('hello');
    expect(run({ CONTENT_LENGTH: '50' }, { body: 'hello' }).environ.body).toBe('hello');
    expect(run({}, { body: 'hello' }).environ.body).toBe('hello');
    expect(run({ CONTENT_LENGTH: '' }, { body: 'hello' }).environ.body).toBe('hello');
  });

  it('does not take the Proxy field of a client for a setting', () => {
    expect(run({ HTTP_PROXY: 'http://evil.example' }).environ).not.toHaveProperty('HTTP_PROXY');
  });

  it('logs errors on standard error', () => {
    const { stdout, stderr, code } = run({ PATH_INFO: '/fail' });
    expect(stdout).toMatch(/^Status: 500 Internal Server Error\r\n/);
    expect(stderr).toMatch(/^Error: the trouble\n {4}at /);
    expect(code).toBe(0);
  });
});

describe('IISCGIHandler', () => {
  it.each([
    ['/app.js', '/app.js/path', '/path'],
    ['/app.js', '/app.js', ''],
    ['/app.js', '/app.json', '/app.json'],
    ['/app.js', '/path', '/path'],
    ['', '/path', '/path'],
  ])('of %j, %j makes %j', (script, path, expected) => {
    const { environ } = run({ SCRIPT_NAME: script, PATH_INFO: path }, { handler: 'iis' });
    expect([environ.SCRIPT_NAME, environ.PATH_INFO]).toEqual([script, expected]);
  });
});
