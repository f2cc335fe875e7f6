import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BaseCGIHandler, BaseHandler, SimpleHandler } from '../../../src/handlers.js';
import { MemoryErrors, MemoryInput } from '../../../src/streams.js';
import type { ErrorStream } from '../../../src/types.js';
import { attributes, type Override } from './attributes.js';
import { ERROR, environOf, failing, HELLO, Least, logOf, NOW, outputOf } from './least-handler.js';
import { STATE } from './members.js';
import { methods } from './methods.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: new Date(NOW) }));
afterEach(() => void vi.useRealTimers());

it('Least has what the base class alone would do', () => {
  expect(outputOf(new Least())).toBe(HELLO);
  expect(outputOf(new Least(), failing)).toBe(ERROR);
  expect(logOf(new Least())).toMatch(/^Error: the trouble\n {4}at /);
});

describe.each(Object.entries(methods))('%s', (_name, overrides) => {
  for (const [how, check] of Object.entries(overrides)) it(how, check);
});

describe.each(Object.entries<Override<unknown>[]>(attributes))('%s', (name, overrides) => {
  it.each(overrides)('$value, as a field of a subclass', ({ value, effect, expected, byDefault }) => {
    class Subclass extends Least {
      constructor() {
        super();
        // What a field is; its name cannot come from a table.
        Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true });
      }
    }
    expect(effect(new Least())).toEqual(byDefault);
    expect(effect(new Subclass())).toEqual(expected);
  });

  it.each(overrides)('$value, of an instance', ({ value, effect, expected }) => {
    expect(effect(Object.assign(new Least(), { [name]: value }))).toEqual(expected);
  });
});

describe('the tables', () => {
  const tested = [...Object.keys(methods), ...Object.keys(attributes)].sort();
  // Which members are not public the source alone knows.
  const source = readFileSync(new URL('../../../src/handlers/base.ts', import.meta.url), 'utf8');
  const internal = [...source.matchAll(/^ {2}(?:private|protected) (?:async )?(\w+)/gm)].map((match) => match[1]!);

  it('have every public method and attribute', () => {
    const members = Object.getOwnPropertyNames(BaseHandler.prototype);
    expect(members).toEqual(expect.arrayContaining(['constructor', 'closeResult', 'reset']));
    expect(members.filter((name) => name !== 'constructor' && !internal.includes(name)).sort()).toEqual(tested);
    expect(Object.keys(BaseHandler.prototype).sort()).toEqual(Object.keys(attributes).sort());
  });

  it('leave out nothing but the state of a run', () => {
    expect(Object.keys(new BaseHandler()).filter((name) => !internal.includes(name))).toEqual(STATE);
  });

  it("have every member of CPython's", () => {
    const script = 'from wsgiref.handlers import BaseHandler; print(*(n for n in dir(BaseHandler) if n[:2] != "__"))';
    const theirs = execFileSync('python3', ['-c', script], { encoding: 'utf8' }).trim().split(' ');
    expect(theirs).toContain('setup_environ');
    const names = theirs
      // TypeScript has types for this one.
      .filter((name) => name !== '_convert_string_type')
      .map((name) => name.replace(/(?<=\w)_([a-z])/g, (_match, letter: string) => letter.toUpperCase()));
    expect([...tested, ...STATE]).toEqual(expect.arrayContaining(names));
  });
});

describe.each([
  ['SimpleHandler', SimpleHandler, `HTTP/1.0 200 OK\r\nDate: ${NOW}\r\n`],
  ['BaseCGIHandler', BaseCGIHandler, 'Status: 200 OK\r\n'],
])('%s', (_name, Handler, preamble) => {
  const output = () => {
    const parts: Uint8Array[] = [];
    return { write: (data: Uint8Array) => void parts.push(data), text: () => Buffer.concat(parts).toString() };
  };
  const made = (Class: typeof Handler = Handler) => {
    const handler = new Class(new MemoryInput('given'), output(), new MemoryErrors(), { SERVER_PROTOCOL: 'HTTP/1.0' });
    return Object.assign(handler, { osEnviron: {} });
  };
  const WHOLE = `${preamble}Content-Length: 5\r\n\r\nhello`;

  it('has no other attributes than are tested here', () => {
    const known = [
      ...Object.keys(new BaseHandler()),
      'wsgiMultithread',
      'wsgiMultiprocess',
      'originServer',
      'osEnviron',
    ];
    expect(Object.keys(made()).filter((name) => !known.includes(name))).toEqual([
      'stdin',
      'stdout',
      'stderr',
      'baseEnv',
    ]);
  });

  it('takes each from the instance when it runs', () => {
    const stdin = new MemoryInput('another');
    const stdout = output();
    const stderr = new MemoryErrors();
    const baseEnv = { SERVER_PROTOCOL: 'HTTP/1.0', HOME: '/of/the/request' };
    const handler = Object.assign(made(), { stdin, stdout, stderr, baseEnv });
    const environ = environOf(handler);
    expect(environ).toMatchObject(baseEnv);
    expect(environ['wsgi.input']).toBe(stdin);
    expect(environ['wsgi.errors']).toBe(stderr);
    expect(stdout.text()).toBe(WHOLE);
    void handler.run(failing);
    expect(stderr.text).toMatch(/^Error: the trouble\n/);
  });

  it('takes each from the field of a subclass', () => {
    const stdout = output();
    const stdin = new MemoryInput('another');
    const stderr = new MemoryErrors();
    class Subclass extends Handler {
      override stdin = stdin;
      override stdout = stdout;
      override stderr = stderr;
      override baseEnv = { SERVER_PROTOCOL: 'HTTP/1.0', HOME: '/of/the/subclass' };
    }
    const environ = environOf(made(Subclass));
    expect(environ.HOME).toBe('/of/the/subclass');
    expect(environ['wsgi.input']).toBe(stdin);
    expect(environ['wsgi.errors']).toBe(stderr);
    expect(stdout.text()).toBe(WHOLE);
  });

  it('does not change the environ that it was given', () => {
    const handler = made();
    environOf(handler).SERVER_PROTOCOL = 'changed';
    expect(handler.baseEnv).toEqual({ SERVER_PROTOCOL: 'HTTP/1.0' });
  });

  it('lets each of its steps be overridden around super', () => {
    const stdout = output();
    class Around extends Handler {
      override getStdin(): MemoryInput {
        return new MemoryInput(`${super.getStdin().read()} and wrapped`);
      }
      override getStderr(): ErrorStream {
        const errors = super.getStderr();
        return { write: (text) => errors.write(`[7] ${text}`), writelines() {}, flush: () => errors.flush() };
      }
      override addCgiVars(): void {
        super.addCgiVars();
        this.environ!.REMOTE_USER = 'somebody';
      }
      override _write(data: Uint8Array): void {
        super._write(Buffer.from(Buffer.from(data).toString().toUpperCase()));
      }
      override _flush(): void | Promise<void> {
        super._write(Buffer.from('|'));
        return super._flush();
      }
    }
    const flush = vi.fn();
    const handler = Object.assign(made(Around), { stdout: { ...stdout, flush } });
    const environ = environOf(handler);
    expect(String(environ['wsgi.input'].read())).toBe('given and wrapped');
    expect(environ).toMatchObject({ REMOTE_USER: 'somebody', SERVER_PROTOCOL: 'HTTP/1.0' });
    expect(stdout.text()).toBe(`${WHOLE.toUpperCase()}|`);
    expect(flush).toHaveBeenCalledTimes(1);
    void handler.run(failing);
    expect((handler.stderr as MemoryErrors).text).toMatch(/^\[7\] Error: the trouble\n/);
  });
});
