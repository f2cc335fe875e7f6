import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { VERSION } from '../../src/version.js';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { Program } from '../server/fixtures/program.js';
import { get, RawClient } from '../server/fixtures/raw-client.js';
import { temporaryFolder, until } from '../server/fixtures/started-server.js';

const main = join(compiledPackage(), 'dist/cli/main.js');

function uwsgiref(args: string[], cwd = temporaryFolder()): Program {
  return new Program(process.execPath, [main, ...args], { cwd });
}

async function urlOf(program: Program): Promise<URL> {
  return new URL((await program.says(/^Serving \S+ at (http:\S+)\n/))[1]!);
}

/** Answers `/slow` when the file `go` appears beside it. */
const SLOW = `
  import { existsSync } from 'node:fs';
  export default async (environ, startResponse) => {
    while (environ.PATH_INFO === '/slow' && !existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 10));
    startResponse('200 OK', [['Content-Type', 'text/plain']]);
    return ['answered ' + environ.PATH_INFO];
  };
  export const named = (environ, startResponse) => {
    startResponse('200 OK', []);
    return ['named'];
  };`;

describe('uwsgiref serve', () => {
  it('serves an export of the package itself, and says where', async () => {
    const program = uwsgiref(['serve', 'uwsgiref/simple-server:demoApp', '--port', '0']);
    const url = await urlOf(program);
    expect(program.output).toContain('Serving uwsgiref/simple-server:demoApp at http://127.0.0.1:');
    expect(await (await fetch(url)).text()).toMatch(/^Hello world!\n/);
  });

  for (const [signal, workers] of [
    ['SIGTERM', '0'],
    ['SIGTERM', '1'],
    ['SIGINT', '1'],
  ] as const) {
    it(`finishes the request in hand on ${signal}, and exits with 0, with ${workers} workers`, async () => {
      const folder = temporaryFolder();
      writeFileSync(join(folder, 'app.mjs'), SLOW);
      const program = uwsgiref(['serve', './app.mjs', '--port', '0', '--workers', workers], folder);
      const { port } = await urlOf(program);
      const idle = await RawClient.open(Number(port));
      await idle.send(get('/idle')).response();
      const client = await RawClient.open(Number(port));
      client.send(get('/slow'));
      const other = await RawClient.open(Number(port));
      await other.send(get('/quick')).response();
      program.process.kill(signal);
      await program.says(new RegExp(`^${signal}: `, 'm'));
      expect((await idle.end()).length).toBe(0);
      writeFileSync(join(folder, 'go'), '');
      const response = await client.response();
      expect([response.body.toString(), response.field('connection')]).toEqual(['answered /slow', 'close']);
      expect(await program.ended).toBe(0);
      expect(program.errorOutput).toBe('');
    });
  }

  for (const [first, second, workers] of [
    ['SIGTERM', 'SIGTERM', '0'],
    ['SIGTERM', 'SIGINT', '0'],
    ['SIGINT', 'SIGTERM', '0'],
    ['SIGTERM', 'SIGINT', '2'],
  ] as const) {
    it(`ends at once on ${second} behind ${first}, with ${workers} workers`, async () => {
      const folder = temporaryFolder();
      writeFileSync(join(folder, 'app.mjs'), SLOW);
      const program = uwsgiref(['serve', 'app.mjs', '--port', '0', '--workers', workers], folder);
      const { port } = await urlOf(program);
      const client = await RawClient.open(Number(port));
      client.send(get('/slow'));
      await (await RawClient.open(Number(port))).send(get('/quick')).response();
      program.process.kill(first);
      await program.says(new RegExp(`^${first}: `, 'm'));
      program.process.kill(second);
      // The request in hand would keep it for the whole time of grace, and end it with 0.
      expect(await program.ended).not.toBe(0);
    });
  }

  it('finds named and default exports, by path and by package name', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'app.mjs'), SLOW);
    for (const [target, answer] of [
      ['app.mjs:named', 'named'],
      ['./app.mjs', 'answered /'],
      [join(folder, 'app.mjs:default'), 'answered /'],
    ] as const) {
      const program = uwsgiref(['serve', target, '--port', '0', '--workers', '0'], folder);
      expect(await (await fetch(await urlOf(program))).text()).toBe(answer);
      program.process.kill('SIGTERM');
      expect(await program.ended).toBe(0);
    }
  });

  it('listens at a Unix socket', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'socket');
    const program = uwsgiref(['serve', 'uwsgiref/simple-server:demoApp', '--path', path]);
    await program.says(/ at unix:\S+socket\n/);
    const client = await RawClient.open(path);
    expect((await client.send(get('/')).response()).status).toBe(200);
  });

  it('believes the proxies that it is told to trust', async () => {
    const field = { 'X-Forwarded-For': '203.0.113.7', Forwarded: 'for=203.0.113.8' };
    for (const [args, address] of [
      [[], '127.0.0.1'],
      [['--trusted-proxies', '192.0.2.0/24, 127.0.0.1'], '203.0.113.7'],
      [['--trusted-proxies', '127.0.0.1', '--forwarded-fields', 'forwarded'], '203.0.113.8'],
    ] as const) {
      const program = uwsgiref(['serve', 'uwsgiref/simple-server:demoApp', '--port', '0', '--workers', '0', ...args]);
      const page = await (await fetch(await urlOf(program), { headers: field })).text();
      expect([args, /^REMOTE_ADDR = (.*)$/m.exec(page)?.[1]]).toEqual([args, `'${address}'`]);
    }
  });

  it('takes PROXY headers', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'socket');
    const args = ['--path', path, '--workers', '0', '--trusted-proxies', 'unix:', '--proxy-protocol'];
    await uwsgiref(['serve', 'uwsgiref/simple-server:demoApp', ...args]).says(/ at unix:\S+socket\n/);
    const client = await RawClient.open(path);
    const { body } = await client.send(`PROXY TCP4 203.0.113.7 192.0.2.1 61000 80\r\n${get('/')}`).response();
    expect(body.toString()).toContain("\nREMOTE_ADDR = '203.0.113.7'\n");
  });

  it('says in one line what is wrong with an option, and exits with 1', async () => {
    for (const [args, complaint] of [
      [['--trusted-proxies', '10.0.0.1/8'], "trustedProxies must hold addresses .*, got '10.0.0.1/8'"],
      [['--proxy-protocol'], 'proxyProtocol true needs trustedProxies'],
    ] as const) {
      const program = uwsgiref(['serve', 'uwsgiref/simple-server:demoApp', '--port', '0', ...args]);
      expect(await program.ended).toBe(1);
      expect(program.errorOutput).toMatch(new RegExp(`^uwsgiref: ${complaint}[^\\n]*\\n$`));
    }
  });

  it('says in one line that the port is taken, and exits with 1', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void blocker.close());
    await until(() => blocker.listening);
    const { port } = blocker.address() as { port: number };
    const program = uwsgiref(['serve', 'uwsgiref/simple-server:demoApp', '--port', String(port)]);
    expect(await program.ended).toBe(1);
    expect(program.errorOutput).toMatch(new RegExp(`^uwsgiref: Cannot listen at 127\\.0\\.0\\.1:${port}: [^\\n]+\\n$`));
    expect(program.output).toBe('');
  });

  it('says in one line what it cannot find, and exits with 1', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'app.mjs'), 'export const other = () => [];');
    writeFileSync(join(folder, 'broken.mjs'), 'this is no program');
    for (const [target, complaint] of [
      ['no-such-module', 'no-such-module'],
      ['app.mjs', "neither 'app' nor a default export"],
      ['app.mjs:missing', "no export 'missing'"],
    ] as const) {
      const program = uwsgiref(['serve', target], folder);
      expect(await program.ended).toBe(1);
      expect(program.errorOutput).toMatch(/^uwsgiref: [^\n]+\n$/);
      expect(program.errorOutput).toContain(complaint);
    }
    const program = uwsgiref(['serve', 'broken.mjs'], folder);
    expect(await program.ended).toBe(1);
    expect(program.errorOutput).toMatch(/^uwsgiref: broken\.mjs failed to load: SyntaxError/);
  });

  it('refuses options that make no sense', async () => {
    for (const [args, complaint] of [
      [['serve'], 'There is nothing to serve: name the application'],
      [['nonsense'], "unknown command 'nonsense'"],
      [['serve', 'x', '--max-body-sise', '1'], "unknown option '--max-body-sise'; did you mean --max-body-size?"],
      [['serve', 'x', '--port'], "option '--port <number>' argument missing"],
    ] as const) {
      const program = uwsgiref([...args]);
      expect(await program.ended).toBe(1);
      expect(program.errorOutput).toMatch(/^uwsgiref: [^\n]+\n$/);
      expect(program.errorOutput).toContain(complaint);
    }
  });

  it('says all that is wrong with its settings, a line for each', async () => {
    const program = uwsgiref(['serve', 'x', '--port', 'many', '--max-fields', '0']);
    expect(await program.ended).toBe(1);
    expect(program.errorOutput).toMatch(/^uwsgiref: port must be [^\n]+\nuwsgiref: maxFields must be [^\n]+\n$/);
  });

  it('without a supervisor heeds SIGUSR1 from the start, which opens no debugger', async () => {
    const folder = temporaryFolder();
    const loading = `process.stdout.write('loading\\n'); while (!existsSync('go')) await new Promise((r) => setTimeout(r, 10));`;
    writeFileSync(join(folder, 'app.mjs'), `${SLOW}\n${loading}`);
    const program = uwsgiref(['serve', 'app.mjs', '--port', '0', '--workers', '0'], folder);
    await program.says(/^loading$/m);
    program.process.kill('SIGUSR1');
    writeFileSync(join(folder, 'go'), '');
    await program.says(/^Serving /m);
    program.process.kill('SIGTERM');
    expect([await program.ended, program.errorOutput]).toEqual([0, '']);
  });

  it('writes JSON for a request and for its error, which are found by each other', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'app.mjs'), "export default () => { throw new Error('on purpose'); };");
    const logs = ['--access-log', 'json', '--error-log', 'json'];
    const program = uwsgiref(['serve', 'app.mjs', '--port', '0', '--workers', '0', ...logs], folder);
    const url = await urlOf(program);
    expect((await fetch(new URL('/x', url))).status).toBe(500);
    const access = JSON.parse((await program.says(/^\{.*\}$/m))[0]) as Record<string, string>;
    const error = JSON.parse(program.errorOutput) as Record<string, string>;
    expect(error).toMatchObject({ method: 'GET', target: '/x', message: 'on purpose', requestId: access.requestId });
    expect(access.requestId).toMatch(/^\w+-\w+$/);
  });

  it('without a supervisor ends of an error that nobody catches, says so in JSON, and leaves it to an application that does', async () => {
    const folder = temporaryFolder();
    writeFileSync(
      join(folder, 'app.mjs'),
      "export default () => { setImmediate(() => { throw new Error('stray'); }); };",
    );
    const catches = `process.on('uncaughtException', ({ message }) => console.log('caught', message));`;
    writeFileSync(join(folder, 'catches.mjs'), `${catches} export { default } from './app.mjs';`);
    const start = (app: string) =>
      uwsgiref(['serve', app, '--port', '0', '--workers', '0', '--error-log', 'json'], folder);
    const program = start('app.mjs');
    fetch(await urlOf(program)).catch(() => {});
    expect(await program.ended).toBe(1);
    const line = program.errorOutput.split('\n').find((text) => text.includes('"event":"uncaughtException"'));
    expect(JSON.parse(line ?? '')).toMatchObject({ message: 'stray', pid: program.pid });
    expect(program.errorOutput).toMatch(/^(?:\{.*\}\n)+$/);

    const other = start('catches.mjs');
    fetch(await urlOf(other)).catch(() => {});
    await other.says(/^caught stray$/m);
    other.process.kill('SIGTERM');
    expect(await other.ended).toBe(0);
  });

  it('reads a configuration file, again on SIGHUP', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'app.mjs'), SLOW);
    const configure = (app: string) =>
      writeFileSync(join(folder, 'uwsgiref.config.mjs'), `export default { app: '${app}', port: 0 };`);
    configure('app.mjs');
    const program = uwsgiref(['serve'], folder);
    const { port } = await urlOf(program);
    const answer = async () => (await (await RawClient.open(Number(port))).send(get('/')).response()).body.toString();
    expect(await answer()).toBe('answered /');
    configure('app.mjs:named');
    program.process.kill('SIGHUP');
    await program.says(/^Reloaded in /m);
    expect(await answer()).toBe('named');
  });
});

describe('uwsgiref', () => {
  it('tells its version', async () => {
    const program = uwsgiref(['--version']);
    expect(await program.ended).toBe(0);
    expect(program.output).toBe(`${VERSION}\n`);
  });

  it('helps with each command', async () => {
    for (const args of [['--help'], ['serve', '--help'], ['static', '--help'], ['check', '--help']]) {
      const program = uwsgiref(args);
      expect(await program.ended).toBe(0);
      expect(program.output).toMatch(/^Usage: uwsgiref /);
    }
  });
});
