import { describe, expect, it, onTestFinished } from 'vitest';
import { readEnviron } from '../src/handlers.js';
import type { Refusal } from '../src/server/index.js';
import { demoApp, makeServer, WSGIRequestHandler, WSGIServer } from '../src/simple-server.js';
import type { Environ } from '../src/types.js';
import { FileWrapper } from '../src/util.js';
import { validator } from '../src/validate.js';
import { made, quiet } from './server/fixtures/made-server.js';
import { get, RawClient, request } from './server/fixtures/raw-client.js';
import { echoPath, gate, later, plain, until } from './server/fixtures/started-server.js';

describe('makeServer', () => {
  it('makes a server that is bound, and answers once it serves', async () => {
    const server = made(echoPath);
    const [host, port] = server.serverAddress;
    expect([host, server.serverPort, server.serverName]).toEqual(['127.0.0.1', port, '127.0.0.1']);
    const client = await RawClient.open(port);
    client.send(get('/early') + get('/second'));
    await later(50);
    expect(client.receivedBytes).toBe(0);
    const serving = server.serveForever();
    expect((await client.response()).body.toString()).toBe('GET /early');
    expect((await client.response()).body.toString()).toBe('GET /second');
    client.socket.destroy();
    await server.shutdown();
    await serving;
  });

  it('takes the classes of its caller', async () => {
    let constructed = 0;
    class OwnServer extends WSGIServer {
      override setupEnviron(): void {
        super.setupEnviron();
        this.baseEnviron.MINE = 'own server';
      }
    }
    class OwnHandler extends quiet().handlerClass {
      constructor(...args: ConstructorParameters<typeof WSGIRequestHandler>) {
        super(...args);
        constructed++;
      }
      override getEnviron(): Environ {
        return Object.assign(super.getEnviron(), { HANDLER: 'own handler' });
      }
    }
    const server = made(
      (environ, startResponse) => {
        startResponse('200 OK', plain());
        return [`${environ.MINE}, ${environ.HANDLER}`];
      },
      { serverClass: OwnServer, handlerClass: OwnHandler },
    );
    expect(server).toBeInstanceOf(OwnServer);
    void server.serveForever();
    const client = await RawClient.open(server.serverPort);
    for (let round = 1; round <= 2; round++) {
      expect((await client.send(get('/')).response()).body.toString()).toBe('own server, own handler');
      expect(constructed).toBe(round);
    }
  });

  it('says in one line why it cannot listen', () => {
    const server = made(echoPath);
    expect(() => makeServer('127.0.0.1', server.serverPort, echoPath)).toThrow(
      /^Cannot listen at [^\n]+\(EADDRINUSE\)$/,
    );
  });
});

describe('the environ', () => {
  it('is the server’s own variables and those of the request', async () => {
    const seen: Environ[] = [];
    const server = made(
      validator((environ, startResponse) => {
        seen.push(environ);
        startResponse('200 OK', plain());
        return [];
      }),
    );
    expect(server.baseEnviron).toEqual({
      SERVER_NAME: '127.0.0.1',
      SERVER_PORT: String(server.serverPort),
      GATEWAY_INTERFACE: 'CGI/1.1',
      REMOTE_HOST: '',
      CONTENT_LENGTH: '',
      SCRIPT_NAME: '',
    });
    void server.serveForever();
    const client = await RawClient.open(server.serverPort);
    await client.send(get('/a%20b?c', 'X-Y: z')).response();
    await client.send(`${request('POST', '/', 'Content-Length: 2')}xy`).response();
    expect(seen[0]).toMatchObject({
      ...server.baseEnviron,
      ...readEnviron(),
      REQUEST_METHOD: 'GET',
      PATH_INFO: '/a b',
      QUERY_STRING: 'c',
      HTTP_X_Y: 'z',
      REMOTE_ADDR: '127.0.0.1',
      CONTENT_TYPE: 'text/plain',
      REQUEST_URI: '/a%20b?c',
      'wsgi.multithread': false,
      'wsgi.multiprocess': false,
      'wsgi.run_once': false,
      'wsgi.url_scheme': 'http',
      'wsgi.file_wrapper': FileWrapper,
      SERVER_SOFTWARE: expect.stringMatching(/^WSGIServer\//),
    });
    expect(seen[1]!.CONTENT_LENGTH).toBe('2');
    expect(seen[0]).not.toBe(seen[1]);
  });

  it('can be changed for all requests that follow, where the request does not say otherwise', async () => {
    const server = made((environ, startResponse) => {
      startResponse('200 OK', plain());
      const { COLOUR, HTTPS, REQUEST_METHOD, HTTP_VIA } = environ;
      return [`${COLOUR} ${HTTPS} ${environ['wsgi.url_scheme']} ${REQUEST_METHOD} ${HTTP_VIA}`];
    });
    void server.serveForever();
    Object.assign(server.baseEnviron, { COLOUR: 'green', HTTPS: 'on', REQUEST_METHOD: 'POST', HTTP_VIA: 'base' });
    const client = await RawClient.open(server.serverPort);
    const { body } = await client.send(get('/', 'Via: client')).response();
    expect(body.toString()).toBe('green on https GET base,client');
  });

  it('has no path that could be taken for another host, and no field that could be taken for a variable', async () => {
    const seen: Environ[] = [];
    const server = made((environ, startResponse) => {
      seen.push(environ);
      startResponse('200 OK', plain());
      return [];
    });
    void server.serveForever();
    const client = await RawClient.open(server.serverPort);
    await client.send(get('///example.org//a', 'Path-Info: /forged', 'Server-Name: forged')).response();
    expect(seen[0]).toMatchObject({ PATH_INFO: '/example.org//a', REQUEST_URI: '///example.org//a' });
    expect(Object.keys(seen[0]!).filter((key) => /^HTTP_(PATH|SERVER)/.test(key))).toEqual([]);
  });

  it('has the name that a handler gives the client', async () => {
    const { log, handlerClass } = quiet();
    class Naming extends handlerClass {
      override addressString(): string {
        return 'client.example';
      }
    }
    const server = made(
      (environ, startResponse) => {
        startResponse('200 OK', plain());
        return [`${environ.REMOTE_HOST} ${environ.REMOTE_ADDR}`];
      },
      { handlerClass: Naming },
    );
    void server.serveForever();
    const client = await RawClient.open(server.serverPort);
    expect((await client.send(get('/')).response()).body.toString()).toBe('client.example 127.0.0.1');
    await until(() => log.text !== '');
    expect(log.text).toMatch(/^client\.example - - /);
  });
});

describe('serving', () => {
  it('ends with shutdown, and can begin again; requests wait meanwhile', async () => {
    const server = made(echoPath);
    const serving = server.serveForever();
    const client = await RawClient.open(server.serverPort);
    await client.send(get('/')).response();
    await server.shutdown();
    await serving;
    client.send(get('/waits'));
    await later(50);
    expect(client.receivedBytes).toBeGreaterThan(0);
    expect(client.received.length).toBe(0);
    void server.serveForever();
    expect((await client.response()).body.toString()).toBe('GET /waits');
  });

  it('answers exactly one request by handleRequest', async () => {
    const server = made(echoPath);
    const client = await RawClient.open(server.serverPort);
    const first = server.handleRequest();
    client.send(get('/1') + get('/2') + get('/3'));
    await first;
    expect((await client.response()).body.toString()).toBe('GET /1');
    await later(50);
    expect(client.received.length).toBe(0);
    await server.handleRequest();
    expect((await client.response()).body.toString()).toBe('GET /2');
    await server.handleRequest();
    expect((await client.response()).body.toString()).toBe('GET /3');
  });

  it('answers one request for each handleRequest, in their order', async () => {
    const server = made(echoPath);
    const over: number[] = [];
    const handled = [1, 2].map((number) => server.handleRequest().then(() => over.push(number)));
    const client = await RawClient.open(server.serverPort);
    await client.send(get('/1')).response();
    await handled[0];
    expect(over).toEqual([1]);
    await client.send(get('/2')).response();
    await Promise.all(handled);
    expect(over).toEqual([1, 2]);
  });

  it('counts a request that is refused for one', async () => {
    const refusals: Refusal[] = [];
    const { log, handlerClass } = quiet();
    class Listening extends handlerClass {
      override logRefusal(refusal: Refusal): void {
        super.logRefusal(refusal);
        refusals.push(refusal);
        expect(() => this.handler).toThrow('The request was refused');
      }
    }
    const server = made(echoPath, { handlerClass: Listening });
    const client = await RawClient.open(server.serverPort);
    const handled = server.handleRequest();
    expect((await client.send('GET /\x01 HTTP/1.1\r\n').response()).status).toBe(400);
    await handled;
    expect(refusals).toMatchObject([{ status: 400, address: '127.0.0.1', requestLine: 'GET /\x01 HTTP/1.1' }]);
    expect(log.text.replace(/\[.*?\]/g, '[]')).toBe(
      `127.0.0.1 - - [] code 400, message ${refusals[0]!.reason}\n127.0.0.1 - - [] "GET /\\x01 HTTP/1.1" 400 -\n`,
    );
  });

  it('refuses to wait for a request that will not come', async () => {
    const server = made(echoPath);
    const handled = server.handleRequest();
    void server.serverClose();
    await expect(handled).rejects.toThrow('The server was closed');
  });

  it('may be asked for again, and ends for all who wait', async () => {
    const server = made(echoPath);
    const serving = [server.serveForever(), server.serveForever()];
    await server.shutdown();
    await Promise.all(serving);
  });

  it('has handleRequest wait for an asynchronous answer', async () => {
    const slow = gate();
    let over = false;
    const server = made(async (environ, startResponse) => {
      await slow.opened;
      return echoPath(environ, startResponse);
    });
    const client = await RawClient.open(server.serverPort);
    client.send(get('/'));
    const handled = server.handleRequest().then(() => {
      over = true;
    });
    await later(50);
    expect(over).toBe(false);
    slow.open();
    await handled;
    expect((await client.response()).status).toBe(200);
  });

  it('takes another application by setApp', async () => {
    const server = made(echoPath);
    expect(server.getApp()).toBe(echoPath);
    server.setApp(demoApp);
    void server.serveForever();
    const client = await RawClient.open(server.serverPort);
    expect((await client.send(get('/')).response()).body.toString()).toMatch(
      /^Hello world!\n\n[\s\S]*\nCONTENT_LENGTH = ''\n/,
    );
  });

  it('needs an application', () => {
    const server = new WSGIServer(['127.0.0.1', 0]);
    onTestFinished(() => server.serverClose());
    expect(() => server.getApp()).toThrow('setApp');
  });
});

describe('serverClose', () => {
  it('finishes the request in hand, and gives up those that wait', async () => {
    const slow = gate();
    let begun = false;
    const server = made(async (environ, startResponse) => {
      begun = true;
      await slow.opened;
      return echoPath(environ, startResponse);
    });
    const serving = server.serveForever();
    const client = await RawClient.open(server.serverPort);
    client.send(get('/hand'));
    await until(() => begun);
    const closing = server.serverClose();
    await serving;
    slow.open();
    expect((await client.response()).body.toString()).toBe('GET /hand');
    expect((await client.end()).length).toBe(0);
    await closing;
    await expect(RawClient.open(server.serverPort)).rejects.toThrow('ECONNREFUSED');

    const idle = made(echoPath);
    const waiting = await RawClient.open(idle.serverPort);
    waiting.send(get('/'));
    await later(50);
    await idle.serverClose();
    expect((await waiting.end()).length).toBe(0);
  });

  it('comes by itself at the end of `await using`', async () => {
    const server = makeServer('127.0.0.1', 0, echoPath);
    await server[Symbol.asyncDispose]();
    await expect(RawClient.open(server.serverPort)).rejects.toThrow('ECONNREFUSED');
  });

  it('may be called again', async () => {
    const server = makeServer('127.0.0.1', 0, echoPath);
    await server.serverClose();
    await server.serverClose();
    const other = makeServer('127.0.0.1', 0, echoPath);
    const client = await RawClient.open(other.serverPort);
    await Promise.all([other.serverClose(), other.serverClose()]);
    await client.end();
  });
});

describe('the log', () => {
  it('has a line for each request: who, when, what, status and size', async () => {
    const { log, handlerClass } = quiet();
    const server = made(echoPath, { handlerClass });
    void server.serveForever();
    const client = await RawClient.open(server.serverPort);
    await client.send(get('/path?query')).response();
    await client.send(request('HEAD', '/')).response('HEAD');
    await client.send('GET /%1b%0aforged HTTP/1.0\r\n\r\n').response();
    await until(() => log.text.split('\n').length === 4);
    new handlerClass(null, ['::1', 0], server).logMessage('\x1b[31m\n\\x1b \x85\xe4');
    const lines = log.text.split('\n');
    const start = String.raw`^127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4} \d\d:\d\d:\d\d\] `;
    expect(lines[0]).toMatch(new RegExp(`${start}"GET /path\\?query HTTP/1\\.1" 200 9$`));
    expect(lines[1]).toMatch(new RegExp(`${start}"HEAD / HTTP/1\\.1" 200 6$`));
    expect(lines[2]).toMatch(new RegExp(`${start}"GET /%1b%0aforged HTTP/1\\.0" 200 \\d+$`));
    // Nothing in it can forge a line, or command a terminal.
    expect(lines[3]).toMatch(/^::1 - - \[[^\]]+\] \\x1b\[31m\\x0a\\\\x1b \\x85\xe4$/);
  });

  it('has the error of an application, and its answer', async () => {
    const { log, handlerClass } = quiet();
    const server = made(
      (environ) => {
        environ['wsgi.errors'].write('a word\n');
        throw new Error('on purpose');
      },
      { handlerClass },
    );
    void server.serveForever();
    const client = await RawClient.open(server.serverPort);
    expect((await client.send(get('/')).response()).status).toBe(500);
    await until(() => log.text.includes('" 500 '));
    expect(log.text).toMatch(/^a word\nError: on purpose\n +at [\s\S]*\n127\.0\.0\.1 - - [^\n]+" 500 \d+\n$/);
  });

  it('can be redirected message by message', async () => {
    const messages: string[] = [];
    class Collecting extends WSGIRequestHandler {
      override logMessage(message: string): void {
        messages.push(`${this.clientAddress[0]} ${message}`);
      }
    }
    const server = made(echoPath, { handlerClass: Collecting });
    void server.serveForever();
    const client = await RawClient.open(server.serverPort);
    await client.send(get('/')).response();
    await until(() => messages.length > 0);
    expect(messages).toEqual(['127.0.0.1 "GET / HTTP/1.1" 200 5']);
  });
});

describe('a request handler', () => {
  it('may run another application than the server’s', async () => {
    class Own extends quiet().handlerClass {
      override handle(): void | Promise<void> {
        return this.handler.run((_environ, startResponse) => {
          startResponse('200 OK', plain());
          return [this.requestLine];
        });
      }
    }
    const server = made(echoPath, { handlerClass: Own });
    void server.serveForever();
    const client = await RawClient.open(server.serverPort);
    expect((await client.send(get('/%41?b')).response()).body.toString()).toBe('GET /%41?b HTTP/1.1');
  });

  it('that throws costs its own client the answer, and the others nothing', async () => {
    class Choosing extends quiet().handlerClass {
      override handle(): void | Promise<void> {
        if (this.getEnviron().PATH_INFO === '/throws') throw new Error('on purpose');
        return super.handle();
      }
    }
    const server = made(echoPath, { handlerClass: Choosing });
    void server.serveForever();
    const client = await RawClient.open(server.serverPort);
    expect((await client.send(get('/fine')).response()).body.toString()).toBe('GET /fine');
    const other = await RawClient.open(server.serverPort);
    other.send(get('/throws'));
    // Whatever becomes of that request, it must not wait for ever.
    await Promise.race([other.response().catch(() => undefined), other.end()]);
    expect((await client.send(get('/still')).response()).body.toString()).toBe('GET /still');
  });
});
