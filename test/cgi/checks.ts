import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { get, RawClient, request } from '../server/fixtures/raw-client.js';
import type { WebServer } from './web-server.js';

const SERVER_ERROR = 'A server error occurred.  Please contact the administrator.';

/** What holds of examples/cgi.ts under every web server. */
export function checkCgi(started: () => Promise<WebServer>): void {
  it('has the request in its environ, the bytes of the path one a character', async () => {
    const { url } = await started();
    const asked = `${url}/request/a%20b/gr%C3%BCn/%FF?x=%C3%A9&y=1+2`;
    const environ = await (await fetch(asked)).json();
    expect(environ).toMatchObject({
      REQUEST_METHOD: 'GET',
      SCRIPT_NAME: '/app.cgi/request',
      PATH_INFO: '/a b/gr\xc3\xbcn/\xff',
      QUERY_STRING: 'x=%C3%A9&y=1+2',
      SERVER_NAME: '127.0.0.1',
      SERVER_PORT: new URL(url).port,
      SERVER_PROTOCOL: 'HTTP/1.1',
      REMOTE_ADDR: '127.0.0.1',
      'wsgi.url_scheme': 'http',
      uri: asked,
    });
  });

  it('runs once, alone in its process', async () => {
    const { url } = await started();
    expect(await (await fetch(`${url}/request`)).json()).toMatchObject({
      'wsgi.run_once': true,
      'wsgi.multiprocess': true,
      'wsgi.multithread': false,
    });
  });

  it('never takes the Proxy field of a client for a setting', async () => {
    const { port } = await started();
    const client = await RawClient.open(port);
    client.send(get('/app.cgi/request', 'Proxy: http://evil.example', 'Proxy-Like: not at all'));
    const { body } = await client.response();
    const environ = JSON.parse(body.toString());
    expect(environ.HTTP_PROXY_LIKE).toBe('not at all');
    expect(environ).not.toHaveProperty('HTTP_PROXY');
  });

  it('reads a body by its length, byte for byte', async () => {
    const { url } = await started();
    const body = randomBytes(200_000);
    const response = await fetch(`${url}/echo`, { method: 'POST', body });
    expect(response.status).toBe(200);
    expect(await bytesOf(response)).toEqual(Buffer.concat([Buffer.from('200000 bytes\n'), body]));
  });

  it('reads a body that comes in chunks', async () => {
    const { port } = await started();
    const client = await RawClient.open(port);
    client.send(request('POST', '/app.cgi/echo', 'Transfer-Encoding: chunked'));
    client.send('7\r\nhello, \r\n').send('5\r\nworld\r\n').send('0\r\n\r\n');
    const { status, body } = await client.response();
    expect([status, body.toString()]).toEqual([200, '12 bytes\nhello, world']);
  });

  it('finds no body where there is none', async () => {
    const { url } = await started();
    expect(await (await fetch(`${url}/echo`)).text()).toBe('0 bytes\n');
    expect(await (await fetch(`${url}/echo`, { method: 'POST', body: '' })).text()).toBe('0 bytes\n');
  });

  it('streams more than a pipe holds', async () => {
    const { url } = await started();
    const response = await fetch(`${url}/letters`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await response.text()).toBe(letters('abcdefgh'));
  });

  it('answers HEAD with a head alone', async () => {
    const { port } = await started();
    const client = await RawClient.open(port);
    const head = await client.send(request('HEAD', '/app.cgi/letters')).response('HEAD');
    expect([head.status, head.field('content-type')]).toEqual([200, 'text/plain; charset=utf-8']);
    // A body would be read as the next response.
    const next = await client.send(get('/app.cgi/request')).response();
    expect(JSON.parse(next.body.toString()).REQUEST_METHOD).toBe('GET');
  });

  it('says what it does not have', async () => {
    const { url } = await started();
    for (const unknown of [`${url}/nothing`, `${url}/`, url]) {
      const response = await fetch(unknown);
      expect([response.status, response.statusText]).toEqual([404, 'Not Found']);
      expect(await response.text()).toBe('There is request, echo, letters, fail, fail-late\n');
    }
  });

  it('sends two cookies in two fields', async () => {
    const { url } = await started();
    const response = await fetch(`${url}/request`);
    expect(response.headers.getSetCookie()).toEqual(['visited=yes', 'theme=dark']);
  });

  it('answers an error with 500, and the stack goes to the log', async () => {
    const { url, log } = await started();
    const response = await fetch(`${url}/fail`);
    expect(response.status).toBe(500);
    expect(response.headers.get('content-type')).toBe('text/plain');
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(await response.text()).toBe(SERVER_ERROR);
    await expect.poll(log, LOGGED).toMatch(/Error: There is no letter after ''\n {4}at letters .*\bcgi\.[jt]s:\d+/);
  });

  it('leaves what was sent before an error, and the stack goes to the log', async () => {
    const { url, log } = await started();
    const response = await fetch(`${url}/fail-late`);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(letters('abcd'));
    await expect.poll(log, LOGGED).toMatch(/Error: There is no letter after 'd'\n {4}at letters .*\bcgi\.[jt]s:\d+/);
  });
}

export const UNREAD_BODY = 'answers a request whose body it does not read';

/** What {@link UNREAD_BODY} names: a check of its own, because not every web server lets it hold. */
export async function checkUnreadBody({ url }: WebServer): Promise<void> {
  const response = await fetch(`${url}/request`, { method: 'POST', body: randomBytes(200_000) });
  expect(await response.json()).toMatchObject({ REQUEST_METHOD: 'POST', CONTENT_LENGTH: '200000' });
}

// The program writes its error at the end, which the response need not wait for.
const LOGGED = { timeout: 10_000 };

function letters(all: string): string {
  return [...all].map((letter) => `${letter.repeat(79)}\n`.repeat(256)).join('');
}

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}
