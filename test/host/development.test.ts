import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { get, RawClient } from '../server/fixtures/raw-client.js';
import { until } from '../server/fixtures/started-server.js';
import { Fleet } from './fixtures/fleet.js';

const root = compiledPackage();
const HTML = 'Accept: text/html,application/xhtml+xml;q=0.9';

interface Shown {
  status: number;
  type: string | undefined;
  text: string;
}

async function ask(port: number, path = '/', ...lines: string[]): Promise<Shown> {
  const client = await RawClient.open(port);
  try {
    const response = await client.send(get(path, ...lines)).response();
    return { status: response.status, type: response.field('content-type'), text: response.body.toString() };
  } finally {
    client.socket.destroy();
  }
}

const NOTHING: Shown = { status: 0, type: undefined, text: '' };

/** An application that says what the module beside it does, which says what one of CommonJS does. */
const FILES = {
  'app.mjs': `
    import { greeting } from './greeting.mjs';
    export const app = (environ, startResponse) => {
      if (environ.PATH_INFO === '/throw') throw new RangeError('<b>beyond</b>');
      startResponse('200 OK', [['Content-Type', 'text/plain']]);
      return environ.PATH_INFO === '/late' ? late() : [greeting];
    };
    function* late() {
      throw new TypeError('behind the head');
    }`,
  'greeting.mjs': `import name from './name.cjs';\nexport const greeting = 'Hello ' + name;\n`,
  'name.cjs': `module.exports = 'one';\n`,
};

describe('--reload', () => {
  it('serves what is saved, at the same port, whichever module it is in', async () => {
    const fleet = await Fleet.start({ root, args: ['--reload'], files: FILES });
    expect((await ask(fleet.port)).text).toBe('Hello one');
    let reloads = 0;
    for (const [name, text, greeting] of [
      ['name.cjs', `module.exports = 'two';`, 'Hello two'],
      [
        'greeting.mjs',
        `import name from './name.cjs';\nexport const greeting = 'Good evening ' + name;`,
        'Good evening two',
      ],
      ['app.mjs', FILES['app.mjs'].replace('[greeting]', `['Nothing else']`), 'Nothing else'],
      ['app.mjs', FILES['app.mjs'], 'Good evening two'],
    ] as const) {
      // A browser keeps its connection, and is not to be shown the old code by it.
      const kept = await RawClient.open(fleet.port);
      await kept.send(get('/')).response();
      const saved = performance.now();
      fleet.write(name, text);
      await fleet.says(/ has changed: reloading$/, ++reloads);
      await until(async () => (await ask(fleet.port)).text === greeting);
      console.log(`${name}: served ${Math.round(performance.now() - saved)} ms after it was saved`);
      expect((await kept.end()).length).toBe(0);
      await until(() => fleet.workers.length === 1);
    }
    // What no module is does not matter.
    fleet.write('notes.txt', 'nothing');
    fleet.signal('SIGTERM');
    expect(await fleet.program.ended).toBe(0);
    expect(fleet.log.match(/: reloading/g)).toHaveLength(reloads);
  });

  it('shows an error with its source and its stack, in the browser and in the terminal', async () => {
    const fleet = await Fleet.start({ root, args: ['--reload'], files: FILES });
    const page = await ask(fleet.port, '/throw', HTML, 'X-Secret: <i>');
    expect([page.status, page.type]).toEqual([500, 'text/html; charset=utf-8']);
    expect(page.text).toContain('<title>RangeError: &lt;b&gt;beyond&lt;/b&gt;</title>');
    expect(page.text).toMatch(/<h2>\S+\/app\.mjs:4<\/h2>/);
    expect(page.text).toMatch(/<mark><span class="number">4<\/span> {6}if \(environ\.PATH_INFO === /);
    expect(page.text).toMatch(/at app \(file:\S+\/app\.mjs:4:\d+\)/);
    expect(page.text).toContain('<th>HTTP_X_SECRET<td>&lt;i&gt;');
    expect(page.text).not.toContain('<b>beyond');
    await fleet.says(/^> 4 \| {7}if \(environ/);
    await fleet.says(/^RangeError: <b>beyond<\/b>\n {4}at app \(file:\S+\/app\.mjs:4:\d+\)/);

    const text = await ask(fleet.port, '/throw');
    expect([text.status, text.type]).toEqual([500, 'text/plain; charset=utf-8']);
    expect(text.text).toMatch(/^\S+\/app\.mjs:4\n/);
    const late = await ask(fleet.port, '/late', HTML);
    expect(late.status).toBe(500);
    expect(late.text).toMatch(/<h2>\S+\/app\.mjs:9<\/h2>/);
  });

  it('shows why a module cannot be loaded, until it can', async () => {
    const fleet = await Fleet.start({ root, args: ['--reload'], files: FILES });
    for (const [name, broken, complaint, line] of [
      ['greeting.mjs', 'export const greeting = ;', 'SyntaxError', 1],
      ['app.mjs', `\nimport './missing.mjs';`, 'ERR_MODULE_NOT_FOUND', undefined],
      ['name.cjs', `throw new Error('no name');`, 'no name', 1],
    ] as const) {
      fleet.write(name, broken);
      let page = NOTHING;
      await until(async () => {
        // The code before is ended at once, and may take a request along.
        page = await ask(fleet.port, '/', HTML).catch(() => NOTHING);
        return page.text.includes(complaint);
      });
      expect(page.status).toBe(500);
      if (line !== undefined)
        expect(page.text).toMatch(new RegExp(`<h2>\\S+/${name.replace('.', '\\.')}:${line}</h2>`));
      fleet.write(name, FILES[name]);
      await until(async () => (await ask(fleet.port).catch(() => NOTHING)).text === 'Hello one');
    }
  });

  it('begins with an application that cannot be loaded', async () => {
    const fleet = await Fleet.start({ root, args: ['--reload'], files: { ...FILES, 'app.mjs': 'export const a = ;' } });
    expect((await ask(fleet.port, '/', HTML)).text).toContain('SyntaxError');
    writeFileSync(join(fleet.folder, 'app.mjs'), FILES['app.mjs']);
    await until(async () => (await ask(fleet.port)).text === 'Hello one');
  });

  it('does not wait for code that never starts once it is changed', async () => {
    const fleet = await Fleet.start({ root, args: ['--reload'], files: FILES });
    const stuck = `process.stdout.write('stuck\\n'); await new Promise((resolve) => setTimeout(resolve, 600_000));`;
    fleet.write('greeting.mjs', `${stuck}\nexport const greeting = '';`);
    await fleet.says(/^stuck$/);
    fleet.write('greeting.mjs', FILES['greeting.mjs']);
    // Nobody serves meanwhile, and who asks waits.
    expect((await ask(fleet.port)).text).toBe('Hello one');
  });
});

it('in production an error is no page', async () => {
  const fleet = await Fleet.start({ root, files: FILES });
  const page = await ask(fleet.port, '/throw', HTML);
  expect(page.status).toBe(500);
  expect(page.text).not.toContain('beyond');
  expect(page.text).not.toContain('app.mjs');
});
