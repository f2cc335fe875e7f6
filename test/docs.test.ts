import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformWithEsbuild } from 'vite';
import { describe, expect, it } from 'vitest';
import { EXAMPLES, runnable, runnableExamples } from './runnable-examples.js';
import { Program } from './server/fixtures/program.js';
import { until } from './server/fixtures/started-server.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const manifest = JSON.parse(read('package.json')) as { version: string; scripts: Record<string, string> };

const documentsIn = (directory: string) => readdirSync(join(root, directory)).filter((name) => name.endsWith('.md'));

const DOCUMENTS = [...documentsIn('.'), ...documentsIn('docs').map((name) => `docs/${name}`), 'bench/README.md'];

/** The fenced blocks of a language. */
function blocks(markdown: string, language: string): string[] {
  return [...markdown.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
    .filter(([, of]) => of === language)
    .map(([, , text]) => text!);
}

/** The commands of the shell blocks, without their comments. */
function commands(markdown: string): string[] {
  const lines = blocks(markdown, 'sh').flatMap((block) => block.split('\n'));
  return lines.flatMap((line) => line.replace(/\s+#.*$/, '').split(' && ')).filter((command) => command !== '');
}

/** What a heading can be linked by, as GitHub derives it. */
function anchors(markdown: string): string[] {
  const headings = [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading!);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
}

describe.each(DOCUMENTS)('%s', (path) => {
  const markdown = read(path).replace(/^```.*?^```$/gms, '');
  const links = [...markdown.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, link]) => link!);

  it('has no link that leads nowhere', () => {
    const broken = links.filter((link) => {
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path : join(dirname(path), file);
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && !anchors(read(target)).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it('names no npm script that there is not', () => {
    const named = [...read(path).matchAll(/npm run ([\w:-]+)/g)].map(([, script]) => script!);
    expect(named.filter((script) => !(script in manifest.scripts))).toEqual([]);
  });
});

describe('the threat model of SECURITY.md', () => {
  const [, model = ''] = /^## Threat model\n(.*?)^## /ms.exec(read('SECURITY.md')) ?? [];
  const rows = [...model.matchAll(/^\| (.*?) \| (.*?) \| (.*?) \|$/gm)].slice(2);

  it('names a test for each attack', () => {
    expect(rows.length).toBeGreaterThan(15);
    const links = rows.map(([, attack, , tests]) => [attack, ...tests!.matchAll(/\]\((test\/[^)]+)\)/g)]);
    expect(links.filter(([, ...tests]) => tests.length === 0)).toEqual([]);
  });

  it('has every test of an attack', () => {
    const tests = readdirSync(join(root, 'test/attacks')).filter((name) => name.endsWith('.test.ts'));
    expect(tests.filter((name) => !model.includes(`test/attacks/${name}`))).toEqual([]);
  });
});

/** What stands beneath a heading. */
function section(markdown: string, heading: string): string {
  const [, text] = new RegExp(`^## ${heading}\\n(.*?)^## `, 'ms').exec(markdown) ?? [];
  if (text === undefined) throw new Error(`There is no section ${heading}`);
  return text;
}

const { folder, cli } = await runnableExamples();

const readme = read('README.md');
const production = section(readme, 'From hello to production');
const [configuration = ''] = blocks(production, 'ts');

describe('README.md', () => {
  it('shows examples as they are, and names all others', () => {
    const shown = [...EXAMPLES].filter(([name]) => readme.includes(`\`examples/${name}\`:`));
    expect(shown.length).toBeGreaterThan(3);
    expect(new Set(blocks(readme, 'ts'))).toEqual(new Set([...shown.map(([, source]) => source), configuration]));
    for (const name of EXAMPLES.keys()) expect(readme).toContain(`examples/${name}`);
  });

  const single = commands(readme.replace(production, ''));
  const npm = single.filter((command) => command.startsWith('npm '));
  const ours = single.filter((command) => /^(npx uwsgiref|node dist)/.test(command));

  it('has the commands that are tested, and no others', () => {
    expect(npm.length).toBeGreaterThan(3);
    expect(ours.length).toBeGreaterThan(4);
    expect(single.filter((command) => ![...npm, ...ours].includes(command))).toEqual([]);
  });

  it.each(npm)('%s is a command of this package', (command) => {
    const [, verb, script] = command.split(' ');
    if (verb === 'run') expect(manifest.scripts).toHaveProperty([script!]);
    else if (verb === 'install') expect(script).toBe(`/path/to/uwsgiref-${manifest.version}.tgz`);
    else expect(verb === 'ci' || manifest.scripts[verb!] !== undefined).toBe(true);
  });

  it('is right about npm start', async () => {
    const program = new Program('sh', ['-c', `exec ${manifest.scripts.start} --port 0`], { cwd: root });
    const [, url] = await program.says(/ at (http:\S+)\n/);
    expect(await (await fetch(url!)).text()).toMatch(/^Hello world!/);
  });

  it.each(ours)('%s works', async (command) => {
    const words = command.replace(/^(npx uwsgiref|node dist\/cli\/main\.js) /, '').split(' ');
    const ends = words[0] === 'check' || words.includes('--help');
    // Any free port will do here; and the examples are where the command is run.
    const port = words.indexOf('--port');
    if (port > 0) words.splice(port, 2);
    if (!ends && !words.includes('--path')) words.push('--port', '0');
    const args = words.map((word) => word.replace(/^(?:examples\/)?(\w+\.ts)(?=:|$)/, (_all, name) => runnable(name)));

    const program = new Program(process.execPath, [cli, ...args], { cwd: folder });
    if (ends) {
      expect(await program.ended).toBe(0);
      return;
    }
    const [, url = ''] = await program.says(/^Serving .* at (\S+)$/m);
    if (url.startsWith('http:')) expect((await fetch(`${url}/hello.ts`)).status).toBe(200);
    else expect(existsSync(join(folder, url.replace('unix:', '')))).toBe(true);
    program.process.kill('SIGTERM');
    expect(await program.ended).toBe(0);
  });
});

describe('README.md, from hello to production', () => {
  it('leads there, command by command', async () => {
    const project = join(folder, '../production');
    mkdirSync(project);
    const ports = { 8443: await freePort(), 9000: await freePort() };
    /** As this machine can have it: TypeScript compiled where Node does not run it, and ports that are free. */
    const here = (text: string) =>
      text
        .replace(/\bhello\.ts\b/g, runnable('hello.ts'))
        .replace(/\b(8443|9000)\b/g, (port) => `${ports[port as '9000']}`);
    const write = async (name: string, source: string) => {
      const { code } = await transformWithEsbuild(here(source), name, { sourcemap: false, target: 'es2022' });
      writeFileSync(join(project, runnable(name)), name === runnable(name) ? here(source) : code);
    };
    const run = (command: string) => {
      const text = here(command).replace(/^npx uwsgiref/, `'${process.execPath}' '${cli}'`);
      return new Program('sh', ['-c', `exec ${text}`], { cwd: project });
    };
    const hello = EXAMPLES.get('hello.ts')!;
    await write('hello.ts', hello);

    const outputs = new Map<string, string>();
    for (const command of commands(production)) {
      // What the text around it has the reader do before.
      if (command.includes('ctl reload')) await write('hello.ts', hello.replace('Hello', 'Good day'));
      if (command.startsWith('tail')) await until(() => statSync(join(project, 'access.log')).size > 0);
      if (command.endsWith('--check')) await write('uwsgiref.config.ts', configuration);
      if (command.endsWith('--reload')) {
        const program = run(`${command} --port 0`);
        await program.says(/^Serving .* at /m);
        await write('hello.ts', hello);
        await program.says(/^Reloaded in /m);
        program.process.kill('SIGINT');
        expect(await program.ended).toBe(0);
      } else if (command.endsWith(' serve')) {
        await run(command).says(/^Administration at /m);
      } else {
        const program = run(command);
        expect([command, await program.ended, program.errorOutput]).toEqual([command, 0, expect.any(String)]);
        outputs.set(command.split(' ').slice(0, 3).join(' '), program.output);
      }
    }

    expect(outputs.get('npx uwsgiref check')).toContain('the validator found nothing');
    expect(outputs.get('curl --cacert cert.pem')).toBe('Hello, 127.0.0.1! You asked for /\n');
    expect(JSON.parse(outputs.get('tail -n 1')!)).toMatchObject({ target: '/', status: 200 });
    expect(outputs.get(commands(production).find((command) => command.includes('/metrics'))!)).toMatch(
      /^uwsgiref_requests_total 1$/m,
    );
    expect(outputs.get('npx uwsgiref ctl')).toBe('Reloaded\n');
    const again = run(commands(production).find((command) => command.startsWith('curl --cacert'))!);
    expect(await again.ended).toBe(0);
    expect(again.output).toBe('Good day, 127.0.0.1! You asked for /\n');
  });

  it('runs commands of these kinds alone', () => {
    const kinds = commands(production).map((command) => command.split(' ')[0]);
    expect(new Set(kinds)).toEqual(new Set(['npx', 'openssl', 'curl', 'tail']));
  });
});

/** One that nobody listens at when it is asked for. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

describe('docs/composing.md', () => {
  it('shows its examples as they are', () => {
    const shown = ['mount.ts', 'hono.ts'].map((name) => EXAMPLES.get(name));
    expect(blocks(read('docs/composing.md'), 'ts')).toEqual(shown);
  });
});

describe('CONTRIBUTING.md', () => {
  it('documents every npm script', () => {
    const contributing = read('CONTRIBUTING.md');
    const ofNpmItself = ['install', 'prepare'];
    for (const script of Object.keys(manifest.scripts).filter((name) => !ofNpmItself.includes(name))) {
      const command = ['start', 'test'].includes(script) ? `npm ${script}` : `npm run ${script}`;
      expect(contributing).toContain(`| \`${command}\` |`);
    }
  });
});

describe('docs/architecture.md', () => {
  const architecture = read('docs/architecture.md');

  function enumerators(file: string, name: string): string[] {
    const [, body = ''] = new RegExp(`enum class ${name} : \\w+ \\{(.*?)\\};`, 's').exec(read(file)) ?? [];
    return [...body.replace(/\/\/.*$/gm, '').matchAll(/\bk\w+/g)].map(([each]) => each).sort();
  }

  it('knows the waits of a connection, each in its table and in its diagram', () => {
    const waits = enumerators('native/net/waiting.h', 'Wait');
    const table = [...architecture.matchAll(/^\| `(k\w+)` \|/gm)].map(([, wait]) => wait!);
    const diagram =
      blocks(architecture, 'mermaid')
        .join()
        .match(/\bk[A-Z]\w+/g) ?? [];
    expect(waits).not.toEqual([]);
    expect(table.sort()).toEqual(waits);
    expect([...new Set(diagram)].sort()).toEqual(waits);
  });

  it('knows the states of an exchange', () => {
    const [, paragraph = ''] = /^Beside that an \*\*exchange\*\*(.*?)\n\n/ms.exec(architecture) ?? [];
    const states = [...paragraph.matchAll(/`(k\w+)`/g)].map(([, state]) => state!);
    expect(states.sort()).toEqual(enumerators('native/net/exchange.h', 'State'));
    expect(states).not.toEqual([]);
  });
});
