import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { Application, HeaderList } from '../../src/types.js';
import { validator } from '../../src/validate.js';
import { VERSION } from '../../src/version.js';
import { made } from '../server/fixtures/made-server.js';
import { headerApp, helloApp, runAmock } from './amock.js';

// Where CPython's server says HTTP/1.0 and closes, ours says HTTP/1.1 and that it closes.
const STATUS_LINE = 'HTTP/1.1 200 OK';
const SERVER = `Server: WSGIServer/${VERSION} Node/${process.versions.node}`;

const ERROR_PAGE = /A server error occurred\. {2}Please contact the administrator\.$/;

/** The logged error. Python has it at the end of the traceback, V8 before the stack. */
function raised(err: string): string {
  return err.split('\n')[0]!.replace(' [ERR_ASSERTION]', '');
}

describe('IntegrationTests', () => {
  function checkHello(out: string, hasLength = true): void {
    expect(out).toBe(
      `${STATUS_LINE}\r\n` +
        `${SERVER}\r\n` +
        'Content-Type: text/plain\r\n' +
        'Date: Mon, 05 Jun 2006 18:49:54 GMT\r\n' +
        (hasLength ? 'Content-Length: 13\r\n' : '') +
        'Connection: close\r\n' +
        '\r\n' +
        'Hello, world!',
    );
  }

  it('test_plain_hello', async () => {
    const [out] = await runAmock();
    checkHello(out);
  });

  it('test_environ', async () => {
    const request =
      'GET /p%61th/?query=test HTTP/1.0\r\n' +
      'X-Test-Header: Python test \r\n' +
      'X-Test-Header: Python test 2\r\n' +
      'Content-Length: 0\r\n\r\n';
    const [out] = await runAmock(headerApp, request);
    expect(out.split('\r\n').at(-1)).toBe('Python test,Python test 2;query=test;/path/');
  });

  it('test_request_length', async () => {
    const [out] = await runAmock(helloApp, `GET /${'x'.repeat(65_537)} HTTP/1.0\r\n\r\n`);
    // RFC 9110 §15.5.15 has renamed it from "Request-URI Too Long".
    expect(out.split('\r\n')[0]).toBe('HTTP/1.1 414 URI Too Long');

    // CPython's has no slash in front. Such a target is none (RFC 9112 §3.2) by its first byte, however long it is.
    const [malformed] = await runAmock(helloApp, `GET ${'x'.repeat(65_537)} HTTP/1.0\r\n\r\n`);
    expect(malformed.split('\r\n')[0]).toBe('HTTP/1.1 400 Bad Request');
  });

  it('test_validated_hello', async () => {
    const [out] = await runAmock(validator(helloApp));
    // The middleware does not say how many blocks there are, so Content-Length is not there.
    checkHello(out, false);
  });

  it('test_simple_validation_error', async () => {
    // The original's pair without its list is a list here, of what is no pair; a mapping is no list here either.
    const tests: Array<[headers: unknown, message: string]> = [
      [
        { 'Content-Type': 'text/plain' },
        "AssertionError: Headers must be an array of [name, value] pairs, got { 'Content-Type': 'text/plain' }",
      ],
      [['Content-Type', 'text/plain'], "AssertionError: A header must be a [name, value] pair, got 'Content-Type'"],
    ];
    for (const [headers, message] of tests) {
      const badApp: Application = (_environ, startResponse) => {
        startResponse('200 OK', headers as HeaderList);
        return ['Hello, world!'];
      };
      const [out, err] = await runAmock(validator(badApp));
      expect(out).toMatch(ERROR_PAGE);
      expect(raised(err)).toBe(message);
    }
  });

  it('test_status_validation_errors', async () => {
    const createBadApp =
      (status: string): Application =>
      (_environ, startResponse) => {
        startResponse(status, [['Content-Type', 'text/plain; charset=utf-8']]);
        return [Buffer.from('Hello, world!')];
      };
    const tests: Array<[status: string, message: string]> = [
      ['200', "AssertionError: Status must be at least 4 characters, got '200'"],
      ['20X OK', "AssertionError: Status must begin with a 3-digit code, got '20X OK'"],
      ['200OK', "AssertionError: Status must have a space after its code, got '200OK'"],
    ];
    for (const [status, message] of tests) {
      const [out, err] = await runAmock(createBadApp(status));
      expect(out, status).toMatch(ERROR_PAGE);
      expect(raised(err), status).toBe(message);
    }
  });

  it('test_wsgi_input', async () => {
    const badApp: Application = (environ, startResponse) => {
      environ['wsgi.input'].read();
      startResponse('200 OK', [['Content-Type', 'text/plain; charset=utf-8']]);
      return [Buffer.from('data')];
    };
    const [out, err] = await runAmock(validator(badApp));
    expect(out).toMatch(ERROR_PAGE);
    expect(raised(err)).toBe('AssertionError: wsgi.input.read() must be given a size here, got 0 arguments');
  });

  it('test_bytes_validation', async () => {
    const app: Application = (_environ, startResponse) => {
      startResponse('200 OK', [
        ['Content-Type', 'text/plain; charset=utf-8'],
        ['Date', 'Wed, 24 Dec 2008 13:29:32 GMT'],
      ]);
      return [Buffer.from('data')];
    };
    const [out, err] = await runAmock(validator(app));
    expect(err).toMatch(/"GET \/ HTTP\/1\.0" 200 4\n$/);
    expect(out).toBe(
      `${STATUS_LINE}\r\n` +
        `${SERVER}\r\n` +
        'Content-Type: text/plain; charset=utf-8\r\n' +
        'Date: Wed, 24 Dec 2008 13:29:32 GMT\r\n' +
        'Connection: close\r\n' +
        '\r\n' +
        'data',
    );
  });

  it('test_cp1252_url', async () => {
    let calls = 0;
    const app: Application = (environ, startResponse) => {
      calls++;
      startResponse('200 OK', [
        ['Content-Type', 'text/plain'],
        ['Date', 'Wed, 24 Dec 2008 13:29:32 GMT'],
      ]);
      // PEP 3333 says that environ variables are decoded as latin1. Encode as latin1 to get the original bytes.
      return [Buffer.from(environ.PATH_INFO!, 'latin1')];
    };
    const [out] = await runAmock(validator(app), 'GET /%80 HTTP/1.0\r\n\r\n');
    expect(out.split('\r\n')).toEqual([
      STATUS_LINE,
      expect.any(String),
      'Content-Type: text/plain',
      'Date: Wed, 24 Dec 2008 13:29:32 GMT',
      'Connection: close',
      '',
      '/\x80',
    ]);
    expect(calls).toBe(1);

    // The original's target has the byte as such, too. A request target is ASCII (RFC 9112 §3.2, RFC 3986 §2), and two
    // servers in a row could read any other byte differently.
    for (const target of ['/\x80%80', '/\x80']) {
      const [refusal] = await runAmock(validator(app), `GET ${target} HTTP/1.0\r\n\r\n`);
      expect(refusal.split('\r\n')[0]).toBe('HTTP/1.1 400 Bad Request');
    }
    expect(calls).toBe(1);
  });

  it('test_interrupted_write', async () => {
    // All data has to be written, even if it takes several send() calls. In CPython a Unix signal interrupts one of
    // them; here each ends where the socket is full, and a signal is handled between them.
    const SOCK_MAX_SIZE = 16 * 1024 * 1024 + 1;
    const server = made((_environ, startResponse) => {
      startResponse('200 OK', []);
      return [Buffer.alloc(SOCK_MAX_SIZE)];
    });
    let over = false;
    const handled = server.handleRequest().then(() => {
      over = true;
    });

    const [host, port] = server.serverAddress;
    const [response]: IncomingMessage[] = await once(get({ host, port, path: '/', agent: false }), 'response');
    while (response!.read(100) === null) await once(response!, 'readable');
    const interrupted = once(process, 'SIGUSR1');
    process.kill(process.pid, 'SIGUSR1');
    await interrupted;
    expect(over).toBe(false);

    let received = 0;
    for await (const block of response!) received += block.length;
    await handled;
    expect(received).toBe(SOCK_MAX_SIZE - 100);
  });
});
