/**
 * Smoke test of the installed package, whatever Node runs it: `node smoke.mjs` in a project that has it installed, with
 * examples/hello.ts beside it. Ends with status 1 when a check fails.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openFile, serve } from 'uwsgiref';

const folder = mkdtempSync(join(tmpdir(), 'uwsgiref-smoke-'));
const file = join(folder, 'file');
const contents = Buffer.alloc(3 * 1024 * 1024, 'wsgi');
writeFileSync(file, contents);

/** @type {import('uwsgiref').Application} */
function application(environ, startResponse) {
  const FileWrapper = environ['wsgi.file_wrapper'];
  if (environ.PATH_INFO === '/file' && FileWrapper !== undefined) {
    startResponse('200 OK', [['Content-Length', String(contents.length)]]);
    return new FileWrapper(openFile(file));
  }
  startResponse('200 OK', [['Content-Type', 'text/plain']]);
  return [environ.REQUEST_METHOD === 'POST' ? environ['wsgi.input'].read() : `hello from ${environ.PATH_INFO}`];
}

/**
 * Sends bytes on a connection of its own; answers all that comes back until its end.
 *
 * @param {number} port
 * @param {string} bytes
 * @returns {Promise<string>}
 */
function exchange(port, bytes) {
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    socket.on('end', () => resolve(received));
    socket.on('error', reject);
  });
}

/**
 * `uwsgiref serve` by a configuration file: TypeScript, and an application in it, as they are where Node runs that, else
 * the advice to use a newer one.
 */
async function serveTypeScript() {
  const cli = join(fileURLToPath(import.meta.resolve('uwsgiref')), '..', 'cli', 'main.js');
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  const configuration = "export default defineConfig({ app: './hello.ts', port: 0 });";
  writeFileSync(join(cwd, 'uwsgiref.config.ts'), `import { defineConfig } from 'uwsgiref/config';\n${configuration}\n`);
  const program = spawn(process.execPath, [cli, 'serve'], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  program.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const ended = new Promise((resolve) => program.on('close', resolve));
  const url = await new Promise((resolve) => {
    program.stdout.on('data', (chunk) => {
      output += chunk;
      const match = / at (http:\S+)\n/.exec(output);
      if (match) resolve(match[1]);
    });
    void ended.then(() => resolve(undefined));
  });
  if ('typescript' in process.features && process.features.typescript) {
    assert.ok(url, errors);
    const text = await (await fetch(url)).text();
    program.kill('SIGTERM');
    assert.match(text, /^Hello, 127\.0\.0\.1!/);
    assert.equal(await ended, 0);
  } else {
    assert.equal(await ended, 1);
    assert.match(errors, /use Node 22\.18 or newer/);
  }
}

const server = await serve(application, { port: 0 });
assert.ok('port' in server.address);
const { port } = server.address;

/** @type {Record<string, () => Promise<void>>} */
const checks = {
  hello: async () => assert.equal(await (await fetch(`${server.url}/`)).text(), 'hello from /'),
  post: async () => {
    const body = 'x'.repeat(100_000);
    assert.equal(await (await fetch(`${server.url}/echo`, { method: 'POST', body })).text(), body);
  },
  file: async () => {
    const response = await fetch(`${server.url}/file`);
    assert.ok(contents.equals(Buffer.from(await response.arrayBuffer())));
    // A last piece that is small leaves by a write.
    assert.ok(server.stats().sendfileBytes > contents.length - 65_536);
  },
  pipelined: async () => {
    const get = (/** @type {string} */ path, field = '') => `GET ${path} HTTP/1.1\r\nHost: smoke.test\r\n${field}\r\n`;
    const received = await exchange(port, get('/1') + get('/2') + get('/3', 'Connection: close\r\n'));
    assert.deepEqual(received.match(/HTTP\/1\.1 200 OK|hello from \/\d/g), [
      ...['HTTP/1.1 200 OK', 'hello from /1'],
      ...['HTTP/1.1 200 OK', 'hello from /2'],
      ...['HTTP/1.1 200 OK', 'hello from /3'],
    ]);
  },
  typescript: serveTypeScript,
};

for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok ${name}`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`not ok ${name}: ${error instanceof Error ? error.stack : error}`);
  }
}
await server.close({ graceMs: 1000 });
rmSync(folder, { recursive: true });
console.log(`Node ${process.versions.node} ${process.arch}: ${process.exitCode === 1 ? 'failed' : 'passed'}`);
