import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string | Record<string, string>>;
  bin: Record<string, string>;
  types: string;
};

/** What each subpath promises: values, and names that are types alone. */
const PROMISED: Record<string, { values?: string; types?: string }> = {
  types: {
    types: 'Application Environ StartResponse HeaderList Chunk ResponseBody Write InputStream ErrorStream FileLike',
  },
  util: {
    values:
      'guessScheme requestUri applicationUri shiftPathInfo setupTestingDefaults isHopByHop FileWrapper openFile DiskFile',
  },
  headers: { values: 'Headers' },
  validate: { values: 'validator WSGIWarning' },
  handlers: { values: 'BaseHandler SimpleHandler BaseCGIHandler CGIHandler IISCGIHandler readEnviron' },
  'simple-server': { values: 'makeServer demoApp WSGIServer WSGIRequestHandler ServerHandler' },
  server: { values: 'serve', types: 'Server ServerOptions ServerStats' },
  static: { values: 'staticFiles sendFile xSendfile', types: 'StaticOptions SendFileOptions XSendfileOptions' },
  mount: { values: 'mount', types: 'Mounts' },
  fetch: { values: 'fromFetch', types: 'FetchHandler FetchObject' },
  config: { values: 'defineConfig', types: 'ConfigurationFile' },
};
const SUBPATHS = Object.keys(PROMISED);
const names = (list = '') => list.split(' ').filter((name) => name !== '');

describe('the exports of package.json', () => {
  it('are the subpaths that are promised, package.json, and the schema of configuration files', () => {
    const expected = ['.', './package.json', './uwsgiref.schema.json', ...SUBPATHS.map((subpath) => `./${subpath}`)];
    expect(Object.keys(manifest.exports).sort()).toEqual(expected.sort());
  });

  it('point to files that the build has made', () => {
    const targets = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry),
    );
    const missing = [...targets, manifest.types, ...Object.values(manifest.bin)].filter(
      (target) => !existsSync(join(root, target)),
    );
    expect(missing, "not built? run 'npm run build'").toEqual([]);
  });

  it('have the values that are promised, and the main entry has them all', () => {
    const specifiers = ['uwsgiref', ...SUBPATHS.map((subpath) => `uwsgiref/${subpath}`)];
    const program = `
      const found = {};
      for (const specifier of ${JSON.stringify(specifiers)}) found[specifier] = Object.keys(await import(specifier));
      console.log(JSON.stringify(found));`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: root });
    const found = JSON.parse(output.toString()) as Record<string, string[]>;
    for (const [subpath, { values }] of Object.entries(PROMISED)) {
      expect(found[`uwsgiref/${subpath}`]).toEqual(expect.arrayContaining(names(values)));
      expect(found.uwsgiref).toEqual(expect.arrayContaining(found[`uwsgiref/${subpath}`]!));
    }
  });

  it('have the types that are promised, for a strict importer', () => {
    const project = mkdtempSync(join(tmpdir(), 'uwsgiref-types-'));
    onTestFinished(() => rmSync(project, { recursive: true }));
    mkdirSync(join(project, 'node_modules'));
    symlinkSync(root, join(project, 'node_modules/uwsgiref'));
    symlinkSync(join(root, 'node_modules/@types'), join(project, 'node_modules/@types'));
    const imports = Object.entries(PROMISED).flatMap(([subpath, { values, types }]) => {
      const all = [...names(values), ...names(types)].map((name) => `${name} as ${name}_`);
      return [
        `export type { ${all.join(', ')} } from 'uwsgiref/${subpath}';`,
        `import type { ${all.map((each) => `${each}_`).join(', ')} } from 'uwsgiref';`,
      ];
    });
    // The configuration files of the documents as well.
    const documents = ['README.md', 'docs/configuration.md'].map((path) => readFileSync(join(root, path), 'utf8'));
    const configurations = documents.flatMap((text) => text.match(/^import \{ defineConfig \}.*?(?=^```$)/gms) ?? []);
    expect(configurations).toHaveLength(2);
    const files = configurations.map((source, index) => {
      writeFileSync(join(project, `configuration-${index}.mts`), source);
      return `configuration-${index}.mts`;
    });
    writeFileSync(join(project, 'importer.mts'), imports.join('\n'));
    const options = '--ignoreConfig --noEmit --strict --module nodenext --target es2022 --types node';
    const tsc = join(root, 'node_modules/.bin/tsc');
    const compile = () =>
      execFileSync(tsc, [...options.split(' '), 'importer.mts', ...files], { cwd: project, stdio: 'pipe' });
    expect(compile).not.toThrow();
    writeFileSync(join(project, 'importer.mts'), "import type { Nothing } from 'uwsgiref';");
    expect(compile).toThrow();
  });
});

describe('the packed files', () => {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, stdio: 'pipe' });
  // An array of reports, or since npm 12 an object of them by name.
  const [report] = Object.values(JSON.parse(output.toString()) as Record<string, { files: Array<{ path: string }> }>);
  const packed = report!.files.map(({ path }) => path);

  it('have all that the engine is built from', () => {
    const gyp = readFileSync(join(root, 'binding.gyp'), 'utf8');
    const sources = gyp.match(/native\/[\w/]+\.cc/g) ?? [];
    expect(sources.length).toBeGreaterThan(10);
    const included = sources.flatMap((source) => {
      const includes = readFileSync(join(root, source), 'utf8').matchAll(/^#include "(.+)"$/gm);
      return [...includes].map(([, header]) => `native/${header}`);
    });
    expect(packed).toEqual(expect.arrayContaining([...new Set([...sources, ...included]), 'binding.gyp']));
  });

  it('have the compiled modules with their types, and the documents', () => {
    const modules = ['index', ...SUBPATHS.slice(0, 6), 'mount', 'fetch', 'server/index', 'static/index', 'cli/main'];
    expect(packed).toEqual(expect.arrayContaining(modules.flatMap((name) => [`dist/${name}.js`, `dist/${name}.d.ts`])));
    expect(packed).toEqual(
      expect.arrayContaining(['README.md', 'LICENSE', 'CHANGELOG.md', 'SECURITY.md', 'uwsgiref.schema.json']),
    );
  });

  it('have no tests, benchmarks or build output of the engine', () => {
    expect(
      packed.filter((path) => /(^|\/)(test|bench|build|examples|node_modules)\/|\.test\.|\.node$/.test(path)),
    ).toEqual([]);
  });
});
