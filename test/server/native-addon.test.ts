import { copyFileSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EngineUnavailableError } from '../../src/server/index.js';
import { findUSockets, loadAddon } from '../../src/server/native-addon.js';
import { temporaryFolder } from './fixtures/started-server.js';

const BUILT = join(import.meta.dirname, '../../build/Release/uwsgiref.node');
const NAME = `uws_${process.platform}_${process.arch}_`;

/** Calls `load` with callbacks that are never called. */
function open(usockets: string) {
  const nothing = () => undefined;
  return loadAddon(BUILT).open(usockets, nothing, nothing, nothing, nothing, nothing, nothing, nothing);
}

function refusal(load: () => unknown): Error {
  try {
    load();
  } catch (error) {
    expect(error).toBeInstanceOf(EngineUnavailableError);
    return error as Error;
  }
  return expect.unreachable('the engine was there');
}

describe('the addon', () => {
  it('that is not built says what to do', () => {
    const path = join(temporaryFolder(), 'uwsgiref.node');
    const { message } = refusal(() => loadAddon(path));
    expect(message).toContain(path);
    expect(message).toContain('npm rebuild uwsgiref');
  });

  it('that is built for another system says what to do', () => {
    const path = join(temporaryFolder(), 'uwsgiref.node');
    writeFileSync(path, 'not a library');
    const { message, cause } = refusal(() => loadAddon(path));
    expect(message).toContain('npm rebuild uwsgiref');
    expect(cause).toBeInstanceOf(Error);
  });
});

describe('the uWebSockets.js binary', () => {
  const installed = findUSockets();

  it('is found where npm has installed it', () => {
    expect(existsSync(installed)).toBe(true);
    expect(installed).toContain(join('node_modules', 'uWebSockets.js'));
  });

  it('is found at the root of the official package, and in dist/bin of the repack', () => {
    for (const layout of ['.', 'dist/bin']) {
      const root = temporaryFolder();
      const folder = join(root, layout);
      mkdirSync(folder, { recursive: true });
      symlinkSync(installed, join(folder, `${NAME}115.node`));
      expect(findUSockets(root)).toBe(join(folder, `${NAME}115.node`));
    }
  });

  it('of the newest release of Node is taken, at the root first', () => {
    const root = temporaryFolder();
    mkdirSync(join(root, 'dist/bin'), { recursive: true });
    for (const name of [`${NAME}108.node`, `${NAME}127.node`, `uws_other_arch_137.node`])
      writeFileSync(join(root, name), '');
    writeFileSync(join(root, 'dist/bin', `${NAME}137.node`), '');
    expect(findUSockets(root)).toBe(join(root, `${NAME}127.node`));
  });

  it('that is missing says what was looked for, where, and what to do', () => {
    const root = temporaryFolder();
    const { message } = refusal(() => findUSockets(root));
    expect(message).toContain(NAME);
    expect(message).toContain(root);
    expect(message).toContain(join(root, 'dist/bin'));
    expect(message).toContain('npm install');
  });

  it('of any release of Node works from any folder', () => {
    const binaries = readdirSync(dirname(installed)).filter((name) => name.startsWith(NAME));
    expect(binaries.length).toBeGreaterThan(0);
    const copy = join(temporaryFolder(), binaries[0]!);
    copyFileSync(join(dirname(installed), binaries[0]!), copy);
    const engine = open(copy);
    expect(engine.cgiKeys).toContain('HTTP_HOST');
  });
});
