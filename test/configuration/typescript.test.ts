import { afterEach, describe, expect, it, vi } from 'vitest';
import { typescriptRemedy } from '../../src/configuration/typescript.js';

const unknown = Object.assign(new TypeError('Unknown file extension ".ts"'), { code: 'ERR_UNKNOWN_FILE_EXTENSION' });
const installed = Object.assign(new Error(), { code: 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING' });

function under(version: string): void {
  vi.stubGlobal('process', { ...process, versions: { ...process.versions, node: version } });
}

afterEach(() => vi.unstubAllGlobals());

describe('typescriptRemedy', () => {
  it.each([
    ['20.17.0', 'Node 20.17.0 does not run TypeScript; compile app.ts first, or use Node 22.18 or newer'],
    ['22.5.1', 'Node 22.5.1 does not run TypeScript; compile app.ts first, or use Node 22.18 or newer'],
    [
      '22.6.0',
      'Node 22.6.0 runs TypeScript only when it is asked to: set NODE_OPTIONS=--experimental-strip-types for app.ts, use Node 22.18 or newer, or compile it first',
    ],
  ])('tells what Node %s needs', (version, remedy) => {
    under(version);
    for (const path of ['app.ts', 'app.mts', 'app.cts']) {
      expect(typescriptRemedy(path, unknown)).toBe(remedy.replace('app.ts', path));
    }
  });

  it('tells that Node runs no TypeScript of packages', () => {
    expect(typescriptRemedy('node_modules/x/app.ts', installed)).toBe(
      'Node runs no TypeScript of packages, beneath node_modules; compile node_modules/x/app.ts first',
    );
  });

  it('knows nothing of other errors, nor of other files', () => {
    expect(typescriptRemedy('app.ts', new SyntaxError())).toBeUndefined();
    expect(typescriptRemedy('app.coffee', unknown)).toBeUndefined();
  });
});
