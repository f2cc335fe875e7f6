import { AssertionError } from 'node:assert';
import { describe, expect, it } from 'vitest';
import { mount } from '../src/mount.js';
import { staticFiles } from '../src/static/index.js';
import type { Application, Environ, HeaderList } from '../src/types.js';
import { setupTestingDefaults } from '../src/util.js';
import { validator } from '../src/validate.js';
import { get, RawClient } from './server/fixtures/raw-client.js';
import { plain, started, until } from './server/fixtures/started-server.js';

function environOf(given: Partial<Environ> = {}): Environ {
  const environ: Partial<Environ> = { QUERY_STRING: '', ...given };
  setupTestingDefaults(environ);
  return environ;
}

/** Answers with its name, and what it was told of the path. */
function named(name: string): Application {
  return (environ, startResponse) => {
    startResponse('200 OK', plain());
    return [`${name} ${JSON.stringify([environ.SCRIPT_NAME ?? '', environ.PATH_INFO ?? ''])}`];
  };
}

function ask(app: Application, given: Partial<Environ>): { status: string; headers: HeaderList; body: string } {
  let head: { status: string; headers: HeaderList } = { status: '', headers: [] };
  const body = validator(app)(environOf(given), (status, headers) => {
    head = { status, headers };
    return () => undefined;
  }) as Iterable<string> & { close(): void };
  const text = [...body].map(String).join('');
  body.close();
  return { ...head, body: text };
}

const site = mount({
  '/': validator(named('root')),
  '/static': validator(named('static')),
  '/static/js': validator(named('js')),
  '/gr\u00fcn': validator(named('green')),
});

describe('mount', () => {
  it.each([
    ['/', 'root', '', '/'],
    ['', 'root', '', ''],
    ['/static', 'static', '/static', ''],
    ['/static/', 'static', '/static', '/'],
    ['/static/a/b', 'static', '/static', '/a/b'],
    ['/statics', 'root', '', '/statics'],
    ['/stati', 'root', '', '/stati'],
    ['/other/static/js', 'root', '', '/other/static/js'],
    ['/static/js', 'js', '/static/js', ''],
    ['/static/js/a', 'js', '/static/js', '/a'],
    ['/static/jsx', 'static', '/static', '/jsx'],
    ['/gr\xc3\xbcn/x', 'green', '/gr\xc3\xbcn', '/x'],
    // As shiftPathInfo has it: no way round what is mounted.
    ['//static/a', 'static', '/static', '/a'],
    ['/./static//a', 'static', '/static', '/a'],
    ['/static//js/a', 'js', '/static/js', '/a'],
    // The root application is told what was asked for.
    ['//other', 'root', '', '//other'],
    ['/x/../static/a', 'root', '', '/x/../static/a'],
    ['/../static/a', 'root', '', '/../static/a'],
    // Decoded once, and not again.
    ['/%73tatic/a', 'root', '', '/%73tatic/a'],
  ])('%s goes to %s', (pathInfo, name, scriptName, rest) => {
    const given = pathInfo === '' ? { SCRIPT_NAME: '/outer', PATH_INFO: '' } : { PATH_INFO: pathInfo };
    const outer = pathInfo === '' ? '/outer' : '';
    expect(ask(site, given).body).toBe(`${name} ${JSON.stringify([outer + scriptName, rest])}`);
  });

  it('puts what it moves behind the SCRIPT_NAME that there is', () => {
    const given = { SCRIPT_NAME: '/outer', PATH_INFO: '/static/js/a' };
    expect(ask(site, given).body).toBe('js ["/outer/static/js","/a"]');
    const nested = mount({ '/a': mount({ '/b': validator(named('b')), '/': validator(named('a')) }) });
    expect(ask(nested, { PATH_INFO: '/a/b/c' }).body).toBe('b ["/a/b","/c"]');
    expect(ask(nested, { PATH_INFO: '/a/c' }).body).toBe('a ["/a","/c"]');
    expect(ask(nested, { PATH_INFO: '/a' }).body).toBe('a ["/a",""]');
  });

  it('answers 404 in plain text where nothing is mounted', () => {
    const only = mount({ '/a/b': named('b') });
    for (const PATH_INFO of ['/', '/a', '/b', '/a/bc']) {
      const { status, headers, body } = ask(only, { PATH_INFO });
      expect([status, body]).toEqual(['404 Not Found', 'Not Found\n']);
      expect(Object.fromEntries(headers)['Content-Type']).toBe('text/plain; charset=utf-8');
    }
    expect(ask(only, { PATH_INFO: '/', REQUEST_METHOD: 'HEAD' }).body).toBe('');
    expect(ask(only, { SCRIPT_NAME: '/x', PATH_INFO: '' }).status).toBe('404 Not Found');
  });

  it('leaves the environ of its caller as it is, and hands that very one to the root', () => {
    const seen: Environ[] = [];
    const note: Application = (environ, startResponse) => {
      seen.push(environ);
      environ.PATH_INFO = '/changed';
      return named('note')(environ, startResponse);
    };
    const app = mount({ '/a': note, '/': note });
    const environ = environOf({ PATH_INFO: '/a/b', SCRIPT_NAME: '/s', 'x.own': [] });
    const before = { ...environ };
    void app(environ, () => () => undefined);
    expect(environ).toEqual(before);
    expect(seen[0]).toMatchObject({ SCRIPT_NAME: '/s/a', 'x.own': [] });
    expect(seen[0]!['x.own']).toBe(environ['x.own']);
    const atRoot = environOf({ PATH_INFO: '/b' });
    void app(atRoot, () => () => undefined);
    expect(seen[1]).toBe(atRoot);
  });

  it('takes a Map and pairs, too', () => {
    expect(ask(mount(new Map([['/m', named('map')]])), { PATH_INFO: '/m' }).body).toBe('map ["/m",""]');
    expect(ask(mount([['/p', named('pair')]]), { PATH_INFO: '/p' }).body).toBe('pair ["/p",""]');
  });

  it.each([
    [{ static: named('x') }, RangeError, /must begin with a slash, got 'static'/],
    [{ '': named('x') }, RangeError, /must begin with a slash, got ''/],
    [{ '/static/': named('x') }, RangeError, /must not end in a slash/],
    [{ '//': named('x') }, RangeError, /must not end in a slash/],
    [{ '/a//b': named('x') }, RangeError, /empty names/],
    [{ '/a/../b': named('x') }, RangeError, /'\.\.'/],
    [{ '/.': named('x') }, RangeError, /'\.'/],
    [{ '/a%20b': named('x') }, RangeError, /must not be percent-encoded/],
    [[['/a', named('x')] as const, ['/a', named('y')] as const], RangeError, /'\/a' is there twice/],
    [{ '/a': { fetch: () => undefined } as never }, TypeError, /at '\/a' there must be an application/],
    [null as never, TypeError, /takes an object of applications by path, got null/],
  ])('refuses %o', (mounts, kind, message) => {
    expect(() => mount(mounts)).toThrow(kind);
    expect(() => mount(mounts)).toThrow(message);
  });

  it('passes on what an application does wrong', () => {
    const untyped: Application = (_environ, startResponse) => {
      startResponse('200 OK', []);
      return [];
    };
    const wrong = mount({ '/wrong': validator(untyped) });
    expect(() => ask(wrong, { PATH_INFO: '/wrong' })).toThrow(AssertionError);
  });

  it('serves files, and its applications are told that their client is gone', async () => {
    let gone = false;
    let waiting = false;
    const wait: Application = (environ) =>
      new Promise((_resolve, reject) => {
        waiting = true;
        environ['uwsgiref.signal']!.addEventListener('abort', function abort(this: AbortSignal) {
          gone = true;
          reject(this.reason);
        });
      });
    const inner = mount({ '/files': staticFiles(import.meta.dirname), '/wait': wait });
    const { port, errors } = await started(mount({ '/deep': inner, '/': named('root') }));
    const client = await RawClient.open(port);
    client.send(get('/deep/files/mount.test.ts') + get('/%64eep/files/no') + get('/x'));
    const file = await client.response();
    expect(file.body.toString()).toContain('serves files, and');
    expect((await client.response()).status).toBe(404);
    expect((await client.response()).body.toString()).toBe('root ["","/x"]');
    client.send(get('/deep/wait'));
    await until(() => waiting);
    client.reset();
    await until(() => gone);
    expect(errors.text).toBe('');
  });
});
