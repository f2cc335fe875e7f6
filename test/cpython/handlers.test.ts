import { AssertionError } from 'node:assert';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { BaseCGIHandler, BaseHandler, SimpleHandler } from '../../src/handlers.js';
import { HeaderError } from '../../src/headers.js';
import { MemoryErrors, MemoryInput } from '../../src/streams.js';
import type { Application, Environ, ErrorStream, InputStream } from '../../src/types.js';
import { FileWrapper, setupTestingDefaults } from '../../src/util.js';
import { helloApp } from './amock.js';
import { controlCharactersC0 } from './control-characters.js';

/** A BytesIO that is written to. Its text has one character a byte. */
class MemoryOutput {
  text = '';
  write(data: Uint8Array): void {
    this.text += Buffer.from(data).toString('latin1');
  }
}

/** Simple handler subclass for testing BaseHandler. */
class ErrorHandler extends BaseCGIHandler {
  declare stdout: MemoryOutput;
  declare stderr: MemoryErrors;

  constructor(given: Record<string, unknown> = {}) {
    const environ: Partial<Environ> = { ...given };
    setupTestingDefaults(environ);
    super(new MemoryInput(), new MemoryOutput(), new MemoryErrors(), environ, true, true);
  }
}

/** Simple handler subclass for testing BaseHandler, with errors passed through. */
class TestHandler extends ErrorHandler {
  override handleError(error?: unknown): void {
    throw error; // for testing, we want to see what is happening
  }
}

describe('HandlerTests', () => {
  it('testEnviron', () => {
    const osEnviron: Record<string, string> = {
      // very basic environment
      HOME: '/my/home',
      PATH: '/my/path',
      LANG: 'fr_FR.UTF-8',

      // set some WSGI variables
      SCRIPT_NAME: 'test_script_name',
      SERVER_NAME: 'test_server_name',
    };
    // override X and HOME variables
    const handler = new TestHandler({ X: 'Y', HOME: '/override/home' });
    handler.osEnviron = osEnviron;
    handler.setupEnviron();

    // Check that the wsgiXxx attributes are copied to the wsgi.xxx variables of handler.environ.
    for (const [attribute, key] of [
      ['wsgiVersion', 'wsgi.version'],
      ['wsgiMultithread', 'wsgi.multithread'],
      ['wsgiMultiprocess', 'wsgi.multiprocess'],
      ['wsgiRunOnce', 'wsgi.run_once'],
      ['wsgiFileWrapper', 'wsgi.file_wrapper'],
    ] as const) {
      expect(handler.environ?.[key], key).toBe(handler[attribute]);
    }

    // Test handler.environ as a mapping.
    const expected: Partial<Environ> = {};
    setupTestingDefaults(expected);
    // The handler inherits the variables of osEnviron which are not overridden by SimpleHandler.addCgiVars().
    for (const [key, value] of Object.entries(osEnviron)) if (!(key in expected)) expected[key] = value;
    Object.assign(expected, {
      // X does not exist in osEnviron
      X: 'Y',
      // HOME is overridden by TestHandler
      HOME: '/override/home',

      // overridden by setupTestingDefaults()
      SCRIPT_NAME: '',
      SERVER_NAME: '127.0.0.1',

      // set by BaseHandler.setupEnviron()
      'wsgi.input': handler.getStdin(),
      'wsgi.errors': handler.getStderr(),
      'wsgi.version': [1, 0],
      'wsgi.run_once': false,
      'wsgi.url_scheme': 'http',
      'wsgi.multithread': true,
      'wsgi.multiprocess': true,
      'wsgi.file_wrapper': FileWrapper,
    });
    expect(handler.environ).toStrictEqual(expected);
  });

  it('testCGIEnviron', () => {
    const none: unknown = null;
    const h = new BaseCGIHandler(none as InputStream, none as MemoryOutput, none as ErrorStream, {});
    h.setupEnviron();
    for (const key of ['wsgi.url_scheme', 'wsgi.input', 'wsgi.errors']) expect(h.environ).toHaveProperty([key]);
  });

  it('testScheme', () => {
    const secure = new TestHandler({ HTTPS: 'on' });
    secure.setupEnviron();
    expect(secure.environ?.['wsgi.url_scheme']).toBe('https');
    const plain = new TestHandler();
    plain.setupEnviron();
    expect(plain.environ?.['wsgi.url_scheme']).toBe('http');
  });

  it('testAbstractMethods', () => {
    const h = new BaseHandler();
    for (const name of ['_flush', 'getStdin', 'getStderr', 'addCgiVars'] as const) {
      expect(() => h[name](), name).toThrow(`BaseHandler must override ${name}()`);
    }
    expect(() => h._write(Buffer.from('test'))).toThrow('BaseHandler must override _write()');
  });

  it('testContentLength', () => {
    // Demo one reason iteration is better than write()...  ;)
    const trivialApp1: Application = (environ, startResponse) => {
      startResponse('200 OK', []);
      return [Buffer.from(environ['wsgi.url_scheme'], 'latin1')];
    };
    const trivialApp2: Application = (environ, startResponse) => {
      startResponse('200 OK', [])(Buffer.from(environ['wsgi.url_scheme'], 'latin1'));
      return [];
    };
    const trivialApp3: Application = (_environ, startResponse) => {
      startResponse('200 OK', []);
      return [Buffer.from('\u0442\u0435\u0441\u0442', 'utf8')];
    };
    const trivialApp4: Application = (_environ, startResponse) => {
      // Simulate a response to a HEAD request.
      startResponse('200 OK', [['Content-Length', '12345']]);
      return [];
    };

    const run = (application: Application): string => {
      const h = new TestHandler();
      void h.run(application);
      return h.stdout.text;
    };
    expect(run(trivialApp1)).toBe('Status: 200 OK\r\nContent-Length: 4\r\n\r\nhttp');
    expect(run(trivialApp2)).toBe('Status: 200 OK\r\n\r\nhttp');
    expect(run(trivialApp3)).toBe('Status: 200 OK\r\nContent-Length: 8\r\n\r\n\xd1\x82\xd0\xb5\xd1\x81\xd1\x82');
    expect(run(trivialApp4)).toBe('Status: 200 OK\r\nContent-Length: 12345\r\n\r\n');
  });

  it('testBasicErrorOutput', () => {
    const nonErrorApp: Application = (_environ, startResponse) => {
      startResponse('200 OK', []);
      return [];
    };
    const errorApp: Application = () => {
      throw new AssertionError({ message: 'This should be caught by handler' });
    };

    const fine = new ErrorHandler();
    void fine.run(nonErrorApp);
    expect(fine.stdout.text).toBe('Status: 200 OK\r\nContent-Length: 0\r\n\r\n');
    expect(fine.stderr.text).toBe('');

    const failing = new ErrorHandler();
    void failing.run(errorApp);
    const errorBody = Buffer.from(failing.errorBody as Uint8Array).toString('latin1');
    expect(failing.stdout.text).toBe(
      `Status: ${failing.errorStatus}\r\n` +
        'Content-Type: text/plain\r\n' +
        `Content-Length: ${errorBody.length}\r\n` +
        '\r\n' +
        errorBody,
    );
    expect(failing.stderr.text).toContain('AssertionError');
  });

  it('testErrorAfterOutput', () => {
    const MSG = 'Some output has been sent';
    const errorApp: Application = (_environ, startResponse) => {
      startResponse('200 OK', [])(Buffer.from(MSG));
      throw new AssertionError({ message: 'This should be caught by handler' });
    };

    const h = new ErrorHandler();
    void h.run(errorApp);
    expect(h.stdout.text).toBe(`Status: 200 OK\r\n\r\n${MSG}`);
    expect(h.stderr.text).toContain('AssertionError');
  });

  it('testHeaderFormats', () => {
    const nonErrorApp: Application = (_environ, startResponse) => {
      startResponse('200 OK', []);
      return [];
    };
    const answer = (protocol: string, originServer: boolean, version: string, software: string | null): string => {
      const h = new TestHandler({ SERVER_PROTOCOL: protocol });
      h.originServer = originServer;
      h.httpVersion = version;
      h.serverSoftware = software;
      void h.run(nonErrorApp);
      return h.stdout.text;
    };
    const date = String.raw`Date: \w{3}, [ 0123]\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n`;
    const shortText = 'Status: 200 OK\r\nContent-Length: 0\r\n\r\n';

    for (const software of ['FooBar/1.0', null]) {
      const server = software === null ? '' : `Server: ${software}\r\n`;
      for (const version of ['1.0', '1.1']) {
        const standard = new RegExp(`^HTTP/${version} 200 OK\r\n${date}${server}Content-Length: 0\r\n\r\n`);
        for (const protocol of ['HTTP/0.9', 'HTTP/1.0', 'HTTP/1.1']) {
          expect(answer(protocol, false, version, software)).toBe(shortText);

          const output = answer(protocol, true, version, software);
          if (protocol === 'HTTP/0.9') expect(output).toBe('');
          else expect(output).toMatch(standard);
        }
      }
    }
  });

  it('testBytesData', () => {
    const app: Application = (_environ, startResponse) => {
      startResponse('200 OK', [['Content-Type', 'text/plain; charset=utf-8']]);
      return [Buffer.from('data')];
    };

    const h = new TestHandler();
    void h.run(app);
    expect(h.stdout.text).toBe(
      'Status: 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n\r\ndata',
    );
  });

  it('testCloseOnError', () => {
    let closeCalled = false;
    const errorApp: Application = (_environ, startResponse) => {
      startResponse('200 OK', [])(Buffer.from('Some output has been sent'));
      return {
        *[Symbol.iterator]() {
          yield Buffer.from('blah');
          throw new AssertionError({ message: 'This should be caught by handler' });
        },
        close() {
          closeCalled = true;
        },
      };
    };

    const h = new ErrorHandler();
    void h.run(errorApp);
    expect(closeCalled).toBe(true);
  });

  it('testPartialWrite', () => {
    const written = new MemoryOutput();
    const partialWriter = {
      write(data: Uint8Array): number {
        const partial = data.subarray(0, 7);
        written.write(partial);
        return partial.length;
      },
      flush() {},
    };
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    onTestFinished(() => warn.mockRestore());

    const environ = { SERVER_PROTOCOL: 'HTTP/1.0' };
    const h = new SimpleHandler(new MemoryInput(), partialWriter, new MemoryErrors(), environ);
    void h.run(helloApp);
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('should not do partial writes'), 'DeprecationWarning');
    expect(written.text).toBe(
      'HTTP/1.0 200 OK\r\n' +
        'Content-Type: text/plain\r\n' +
        'Date: Mon, 05 Jun 2006 18:49:54 GMT\r\n' +
        'Content-Length: 13\r\n' +
        '\r\n' +
        'Hello, world!',
    );
  });

  it('testClientConnectionTerminations', () => {
    const environ = { SERVER_PROTOCOL: 'HTTP/1.0' };
    // Python's ConnectionAbortedError, BrokenPipeError and ConnectionResetError.
    for (const code of ['ECONNABORTED', 'EPIPE', 'ECONNRESET']) {
      const abortingWriter = {
        write() {
          throw Object.assign(new Error(`write ${code}`), { code });
        },
      };
      const stderr = new MemoryErrors();
      const h = new SimpleHandler(new MemoryInput(), abortingWriter, stderr, environ);
      void h.run(helloApp);

      expect(stderr.text, code).toBe('');
    }
  });

  it('testDontResetInternalStateOnException', () => {
    class CustomException extends RangeError {
      override name = 'CustomException';
    }
    // CustomException is thrown here to trigger an exception during the execution of SimpleHandler.finishResponse(), so
    // that it is easily tested that the internal state of the handler is preserved in case of an exception.
    const abortingWriter = {
      write() {
        throw new CustomException();
      },
    };
    const stderr = new MemoryErrors();
    const environ = { SERVER_PROTOCOL: 'HTTP/1.0' };
    const h = new SimpleHandler(new MemoryInput(), abortingWriter, stderr, environ);
    void h.run(helloApp);

    expect(stderr.text).toContain('CustomException');

    // Test that the internal state of the handler is preserved.
    expect(h.result).not.toBeNull();
    expect(h.headers).not.toBeNull();
    expect(h.status).not.toBeNull();
    expect(h.environ).not.toBeNull();
  });

  it('testRaisesControlCharacters', () => {
    for (const c0 of controlCharactersC0()) {
      const message = JSON.stringify(c0);
      expect(() => new BaseHandler().startResponse(c0, [['x', 'y']]), message).toThrow();
      // RFC 9112 §4 lets a reason phrase hold HTAB.
      const start = () => new BaseHandler().startResponse(`200 O${c0}K`, [['x', 'y']]);
      if (c0 !== '\t') expect(start, message).toThrow(HeaderError);
    }
  });
});
