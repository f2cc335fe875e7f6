import { describe, expect, it } from 'vitest';
import { mount } from '../../src/mount.js';
import type { Failure } from '../../src/server/index.js';
import type { Application } from '../../src/types.js';
import { get, RawClient } from './fixtures/raw-client.js';
import { plain, started } from './fixtures/started-server.js';

const tellId: Application = (environ, startResponse) => {
  if (environ.PATH_INFO === '/fail') throw new Error('on purpose');
  startResponse('200 OK', plain());
  return [`${environ['uwsgiref.request_id']} ${environ['uwsgiref.request_id']}`];
};

async function ids(port: number, ...given: string[]): Promise<string[]> {
  const client = await RawClient.open(port);
  const told: string[] = [];
  for (const id of given) {
    const field = id === '' ? '' : `X-Request-Id: ${id}\r\n`;
    const { body } = await client.send(`GET / HTTP/1.1\r\nHost: a\r\n${field}\r\n`).response();
    told.push(body.toString());
  }
  return told;
}

describe("environ['uwsgiref.request_id']", () => {
  it('is the X-Request-Id that came', async () => {
    const { port } = await started(tellId);
    for (const id of [
      'a',
      '7b1f0f9e-2c4b-4f7e-9a53-0d8c7f9e2b11',
      'Root=1-67891233-abcdef012345678912345678',
      'x'.repeat(128),
    ]) {
      expect(await ids(port, id)).toEqual([`${id} ${id}`]);
    }
  });

  it('is one that is made where none came, or none that a log can hold', async () => {
    const { port } = await started(tellId);
    const told = await ids(port, '', '', 'x'.repeat(129), 'a b', 'a"b', 'a\\b', '\xff');
    const made = told.map((text) => /^([0-9a-f]{12}-[0-9a-z]+) \1$/.exec(text)?.[1]);
    expect(made).not.toContain(undefined);
    expect(new Set(made).size).toBe(told.length);
  });

  it('is never made twice', async () => {
    const { port } = await started(tellId);
    const told = await ids(port, ...new Array<string>(3000).fill(''));
    expect(new Set(told).size).toBe(3000);
  });

  it('can be set by an application, and goes along in the copy of a middleware', async () => {
    const { port } = await started(
      mount({
        '/own': (environ, startResponse) => {
          environ['uwsgiref.request_id'] = 'mine';
          return tellId(environ, startResponse);
        },
        '/': tellId,
      }),
    );
    const client = await RawClient.open(port);
    expect((await client.send(get('/own/x', 'X-Request-Id: theirs')).response()).body.toString()).toBe('mine mine');
    expect((await client.send(get('/x', 'X-Request-Id: theirs')).response()).body.toString()).toBe('theirs theirs');
  });
});

describe('an error of an application', () => {
  const fail = async (port: number) =>
    (await (await RawClient.open(port)).send(get('/fail?x', 'X-Request-Id: theirs')).response()).status;

  it('is written with its request', async () => {
    const { port, errors } = await started(tellId);
    expect(await fail(port)).toBe(500);
    expect(errors.text).toMatch(/^uwsgiref: GET \/fail\?x failed, request theirs\nError: on purpose\n +at /);
  });

  it('is told to onError, and then not written', async () => {
    const failures: Failure[] = [];
    const { port, errors } = await started(tellId, { onError: (failure) => void failures.push(failure) });
    expect(await fail(port)).toBe(500);
    expect(failures.map(({ error, environ }) => [(error as Error).message, environ['uwsgiref.request_id']])).toEqual([
      ['on purpose', 'theirs'],
    ]);
    expect(errors.text).toBe('');
  });
});
