import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as handlers from '../src/handlers.js';
import * as headers from '../src/headers.js';
import * as simpleServer from '../src/simple-server.js';
import { MemoryErrors, MemoryInput } from '../src/streams.js';
import * as util from '../src/util.js';
import * as validate from '../src/validate.js';
import { made, quiet } from './server/fixtures/made-server.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const markdown = readFileSync(join(root, 'docs/wsgiref.md'), 'utf8');

interface Row {
  python: string[];
  typescript: string[];
  /** Whether each cell says something. */
  complete: boolean;
}

/** The rows of the tables in a piece of Markdown; a cell's names are what stands in backquotes. */
function rowsOf(text: string): Row[] {
  const lines = text.split('\n').filter((line) => /^\| (?!Python \||-)/.test(line));
  return lines.map((line) => {
    const [, python = '', typescript = '', difference = ''] = line.split(/ ?(?<!\\)\| ?/);
    const complete = python !== '' && typescript !== '' && difference !== '' && `${typescript}${difference}` !== '——';
    return { python: quoted(python), typescript: quoted(typescript), complete };
  });
}

function quoted(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
}

/** A name without its parameters. */
function bare(code: string): string {
  return code.replace(/\(.*\)$/, '');
}

const SECTIONS = new Map(
  markdown
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section]),
);
const LEFT_OUT = rowsOf(SECTIONS.get('What is not there') ?? '').flatMap(({ python }) => python.map(bare));
const MODULES = [...SECTIONS.keys()].filter((heading) => heading.startsWith('wsgiref.'));

/** The Python names that the document speaks of under a module. */
function documented(module: string): Set<string> {
  const rows = rowsOf(SECTIONS.get(module) ?? '');
  return new Set([...rows.flatMap(({ python }) => python.map(bare)), ...LEFT_OUT]);
}

/** What wsgiref's documentation describes, in its versions of Python 2.5 and 2.7: this document must have it all. */
const DESCRIBED: Record<string, string> = {
  'wsgiref.util': `guess_scheme request_uri application_uri shift_path_info setup_testing_defaults is_hop_by_hop
    FileWrapper FileWrapper.__getitem__ FileWrapper.__iter__ FileWrapper.close`,
  'wsgiref.headers': `Headers Headers.__getitem__ Headers.get Headers.__setitem__ Headers.setdefault Headers.__delitem__
    Headers.__contains__ Headers.has_key Headers.keys Headers.values Headers.items Headers.__len__ Headers.__str__
    Headers.get_all Headers.add_header`,
  'wsgiref.simple_server': `make_server demo_app WSGIServer WSGIServer.set_app WSGIServer.get_app
    WSGIServer.serve_forever WSGIServer.handle_request WSGIServer.base_environ WSGIRequestHandler
    WSGIRequestHandler.get_environ WSGIRequestHandler.get_stderr WSGIRequestHandler.handle`,
  'wsgiref.validate': 'validator',
  'wsgiref.handlers': `CGIHandler BaseCGIHandler SimpleHandler SimpleHandler.stdin SimpleHandler.stdout
    SimpleHandler.stderr SimpleHandler.environ BaseHandler BaseHandler.run BaseHandler._write BaseHandler._flush
    BaseHandler.get_stdin BaseHandler.get_stderr BaseHandler.add_cgi_vars BaseHandler.environ
    BaseHandler.wsgi_multithread BaseHandler.wsgi_multiprocess BaseHandler.wsgi_run_once BaseHandler.os_environ
    BaseHandler.server_software BaseHandler.get_scheme BaseHandler.setup_environ BaseHandler.log_exception
    BaseHandler.traceback_limit BaseHandler.error_output BaseHandler.error_status BaseHandler.error_headers
    BaseHandler.error_body BaseHandler.wsgi_file_wrapper BaseHandler.sendfile BaseHandler.origin_server
    BaseHandler.http_version`,
};

/** The names of the installed CPython: of each module, and of its classes with the bases where each may be described. */
const LIST_NAMES = `
import ast, importlib, inspect, json, textwrap

MODULES = ["wsgiref." + name for name in "types util headers simple_server validate handlers".split()]

def assigned(cls):
    """The attributes that the methods of a class assign."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(cls)))):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and getattr(node.value, "id", "") == "self":
            yield node.attr

def members(cls):
    """The public members of a class, with those of its bases outside wsgiref."""
    for base in cls.__mro__:
        if base.__module__ in ("builtins", "typing") or base is not cls and base.__module__ in MODULES: continue
        special = [name for name, value in vars(base).items() if name[:2] == "__" and inspect.isfunction(value)]
        public = [name for name in [*vars(base), *assigned(base)] if name[0] != "_"]
        yield from set(special) - {"__init__", "__subclasshook__"} | set(public)

found = {}
for name in MODULES:
    try:
        module = importlib.import_module(name)
    except ImportError:  # wsgiref.types came with Python 3.11
        continue
    own = {each: value for each, value in vars(module).items() if getattr(value, "__module__", name) == name}
    public = [each for each, value in own.items() if each[0] != "_" and not inspect.ismodule(value)]
    names = {each: [each] for each in [*getattr(module, "__all__", []), *public]}
    for cls in [value for value in map(vars(module).get, names) if inspect.isclass(value)]:
        # What calls the instance is the class's own row; the wrappers of the validator have none.
        if name == "wsgiref.validate": continue
        bases = [base.__name__ for base in cls.__mro__ if base.__module__ in MODULES]
        names.update({cls.__name__ + "." + each: [base + "." + each for base in bases] for each in members(cls) if each != "__call__"})
    found[name] = names
print(json.dumps(found))
`;

/** An instance of each class of which the document names members. */
async function instances(): Promise<Map<unknown, object>> {
  let requestHandler: simpleServer.WSGIRequestHandler | undefined;
  class Seen extends quiet().handlerClass {
    override handle() {
      requestHandler = this;
      return super.handle();
    }
  }
  const server = made(simpleServer.demoApp, { handlerClass: Seen });
  const handled = server.handleRequest();
  await (await fetch(`http://127.0.0.1:${server.serverPort}`)).text();
  await handled;
  const streams = [new MemoryInput(), { write: () => undefined }, new MemoryErrors()] as const;
  return new Map<unknown, object>([
    [util.FileWrapper, new util.FileWrapper({ read: () => Buffer.alloc(0), close: () => undefined })],
    [headers.Headers, new headers.Headers()],
    [handlers.BaseHandler, new handlers.BaseHandler()],
    [handlers.SimpleHandler, new handlers.SimpleHandler(...streams, {})],
    [simpleServer.WSGIServer, server],
    [simpleServer.WSGIRequestHandler, requestHandler!],
    [simpleServer.ServerHandler, requestHandler!.handler],
  ]);
}

const VALUES: Record<string, Record<string, unknown>> = {
  util: { ...util },
  headers: { ...headers },
  'simple-server': { ...simpleServer },
  validate: { ...validate },
  handlers: { ...handlers },
};
const SYMBOLS: Record<string, symbol> = {
  'Symbol.iterator': Symbol.iterator,
  'Symbol.asyncDispose': Symbol.asyncDispose,
  'inspect.custom': inspect.custom,
};
const TYPESCRIPT_NAME = /^(?<name>\w+)(?:\.(?<member>\w+)|\[(?<symbol>[\w.]+)\])?(?<call>\(.*\))?$/;

/** The subpath that a section tells to import from. */
function subpathOf(module: string): string {
  const [, subpath = ''] = /^Import from `uwsgiref\/([\w-]+)`/m.exec(SECTIONS.get(module) ?? '') ?? [];
  return subpath;
}

/** The TypeScript names of a section, taken apart. */
function typescriptNames(module: string) {
  const codes = rowsOf(SECTIONS.get(module) ?? '').flatMap(({ typescript }) => typescript);
  return codes.map((code) => {
    const { name = '', member, symbol, call } = TYPESCRIPT_NAME.exec(code)?.groups ?? {};
    return { code, name, member, symbol, isCall: call !== undefined };
  });
}

describe('docs/wsgiref.md', () => {
  it('has a section for each module', () => {
    expect(MODULES.map(subpathOf).sort()).toEqual(['types', ...Object.keys(VALUES)].sort());
    expect(MODULES).toEqual(expect.arrayContaining(Object.keys(DESCRIBED)));
  });

  it.each(MODULES)('%s: each row has a name of Python, its counterpart or none, and what differs', (module) => {
    const rows = rowsOf(SECTIONS.get(module)!);
    expect(rows.length).toBeGreaterThan(1);
    const incomplete = rows.filter(({ python, complete }) => python.length === 0 || !complete);
    expect(incomplete).toEqual([]);
  });

  it.each(MODULES.filter((module) => module !== 'wsgiref.types'))('%s: what it names is exported', async (module) => {
    const exported = VALUES[subpathOf(module)]!;
    const known = await instances();
    const missing = typescriptNames(module).filter(({ name, member, symbol, isCall }) => {
      const key = symbol === undefined ? member : SYMBOLS[symbol];
      let value = exported[name];
      if (key !== undefined) {
        const instance = known.get(value) as Record<string | symbol, unknown> | undefined;
        if (instance === undefined || !(key in instance)) return true;
        value = instance[key];
      }
      return isCall ? typeof value !== 'function' : value === undefined;
    });
    expect(missing.map(({ code }) => code)).toEqual([]);
  });

  it('wsgiref.types: what it names is a type, or a member of one', () => {
    const folder = mkdtempSync(join(tmpdir(), 'uwsgiref-docs-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const compile = (lines: string[]) => {
      const module = JSON.stringify(join(root, 'src/types.js'));
      writeFileSync(join(folder, 'names.mts'), [`import type * as types from ${module};`, ...lines].join('\n'));
      const options = '--ignoreConfig --noEmit --strict --module nodenext --target es2022 --types node --skipLibCheck';
      const tsc = join(root, 'node_modules/.bin/tsc');
      execFileSync(tsc, [...options.split(' '), 'names.mts'], { cwd: folder, stdio: 'pipe' });
    };
    const lines = typescriptNames('wsgiref.types').map(({ name, member, symbol }, index) => {
      const key = symbol === undefined ? JSON.stringify(member) : `typeof ${symbol}`;
      return `export type T${index} = types.${name}${(member ?? symbol) ? `[${key}]` : ''};`;
    });
    expect(lines.length).toBeGreaterThan(5);
    expect(() => compile(lines)).not.toThrow();
    expect(() => compile(["export type T = types.InputStream['nothing'];"])).toThrow();
    expect(() => compile(['export type T = types.Nothing;'])).toThrow();
  });

  it.each(Object.entries(DESCRIBED))('%s: has what wsgiref’s documentation describes', (module, names) => {
    const missing = names.split(/\s+/).filter((name) => !documented(module).has(name));
    expect(missing).toEqual([]);
  });

  it('has what the installed CPython has', () => {
    const output = execFileSync('python3', ['-c', LIST_NAMES]).toString();
    const found = JSON.parse(output) as Record<string, Record<string, string[]>>;
    expect(Object.keys(found).length).toBeGreaterThanOrEqual(5);
    expect(found['wsgiref.handlers']).toHaveProperty(['SimpleHandler.base_env']);
    expect(found['wsgiref.simple_server']).toHaveProperty(['WSGIServer.server_close']);
    const missing = Object.entries(found).flatMap(([module, names]) =>
      Object.entries(names)
        .filter(([, places]) => !places.some((place) => documented(module).has(place)))
        .map(([name]) => `${module}: ${name}`),
    );
    expect(missing).toEqual([]);
  });

  it('names nothing as left out that it has', () => {
    const present = new Set(MODULES.flatMap((module) => rowsOf(SECTIONS.get(module)!).flatMap((row) => row.python)));
    const names = [...present].map(bare);
    expect(LEFT_OUT.filter((name) => names.includes(name))).toEqual([]);
  });
});
