import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Application } from '../../src/types.js';
import { curl } from './fixtures/curl.js';
import { plain, started, temporaryFolder } from './fixtures/started-server.js';

/** Answers with the method, the protocol, the length and the body of the request. */
const mirror: Application = (environ, startResponse) => {
  const { REQUEST_METHOD, SERVER_PROTOCOL, CONTENT_LENGTH } = environ;
  startResponse('200 OK', plain());
  return [`${REQUEST_METHOD} ${SERVER_PROTOCOL} ${CONTENT_LENGTH} `, environ['wsgi.input'].read()];
};

describe('curl', () => {
  it('speaks HTTP/1.0 and HTTP/1.1', async () => {
    const { server } = await started(mirror);
    for (const version of ['1.0', '1.1']) {
      const { code, output } = await curl([`--http${version}`, server.url]);
      expect([code, output.toString()]).toEqual([0, `GET HTTP/${version} undefined `]);
    }
  });

  it('asks for HTTP/2 in vain, and is content with HTTP/1.1', async () => {
    const { server } = await started(mirror);
    const { code, output } = await curl(['--http2', server.url]);
    expect([code, output.toString()]).toEqual([0, 'GET HTTP/1.1 undefined ']);
  });

  it('gets a head', async () => {
    const { server } = await started(mirror);
    const { code, output } = await curl(['-I', server.url]);
    expect(code).toBe(0);
    expect(output.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n(.+\r\n)*content-type: text\/plain\r\n(.+\r\n)*\r\n$/i);
  });

  it('posts a form', async () => {
    const { server } = await started(mirror);
    const { code, output } = await curl(['-d', 'a=1&b=2', server.url]);
    expect([code, output.toString()]).toEqual([0, 'POST HTTP/1.1 7 a=1&b=2']);
  });

  it('uploads in chunks what has no length', async () => {
    const { server } = await started(mirror);
    const body = randomBytes(700_000);
    for (const args of [
      ['-T', '-'],
      ['-H', 'Transfer-Encoding: chunked', '--data-binary', '@-'],
    ]) {
      const { code, output, log } = await curl(['-v', ...args, server.url], body);
      expect(code).toBe(0);
      expect(log).toContain('> Transfer-Encoding: chunked');
      const start = `${args[0] === '-T' ? 'PUT' : 'POST'} HTTP/1.1 700000 `;
      expect(output.toString('latin1', 0, start.length)).toBe(start);
      expect(output.subarray(start.length).equals(body)).toBe(true);
    }
  });

  it('uploads a file, and downloads it again', async () => {
    const { server } = await started(mirror);
    const path = join(temporaryFolder(), 'upload.bin');
    const body = randomBytes(3_000_000);
    writeFileSync(path, body);
    const { code, output } = await curl(['-T', path, server.url]);
    expect(code).toBe(0);
    expect(output.subarray(-body.length).equals(body)).toBe(true);
  });

  it('is told to continue where it expects that', async () => {
    const { server } = await started(mirror);
    const { code, output, log } = await curl(['-v', '-H', 'Expect: 100-continue', '-d', 'body', server.url]);
    expect([code, output.toString()]).toEqual([0, 'POST HTTP/1.1 4 body']);
    expect(log).toMatch(/< HTTP\/1\.1 100 Continue[\s\S]*< HTTP\/1\.1 200 OK/);
  });

  it('uses its connection again', async () => {
    const { server } = await started(mirror);
    const before = server.stats();
    const { code, log } = await curl(['-v', `${server.url}/a`, `${server.url}/b`, `${server.url}/c`]);
    expect(code).toBe(0);
    expect(log.match(/Re-using existing connection/g)).toHaveLength(2);
    const { connections, requests } = server.stats();
    expect([connections - before.connections, requests - before.requests]).toEqual([1, 3]);
  });

  it('posts over a connection that it uses again', async () => {
    const { server } = await started(mirror);
    const before = server.stats();
    const { code, output } = await curl(['-d', 'one', server.url, '--next', '-sS', '-d', 'two', server.url]);
    expect([code, output.toString()]).toEqual([0, 'POST HTTP/1.1 3 onePOST HTTP/1.1 3 two']);
    expect(server.stats().connections - before.connections).toBe(1);
  });

  it('gets many responses in parallel', async () => {
    const { server } = await started(mirror);
    const { code, output } = await curl(['-Z', `${server.url}/[1-60]`]);
    expect(code).toBe(0);
    expect(output.toString()).toBe('GET HTTP/1.1 undefined '.repeat(60));
  });
});
