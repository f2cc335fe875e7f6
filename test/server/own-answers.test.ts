import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { mount } from '../../src/mount.js';
import { PreparedHead } from '../../src/prepared-head.js';
import { staticFiles } from '../../src/static/index.js';
import type { Application } from '../../src/types.js';
import { Random } from '../random.mjs';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { plain, started, temporaryFolder } from './fixtures/started-server.js';

/** All ways an answer may take, by the first part of the path; the rest is the request's own. */
const application: Application = (environ, startResponse) => {
  const path = environ.PATH_INFO ?? '';
  const echo = environ['wsgi.input'].read().toString();
  const [, kind, size] = path.split('/');
  const body = `${path} ${echo}`.padEnd(Number(size), '.');
  if (kind === 'prepared') {
    const head = new PreparedHead('200 OK', [['X-Path', path]]);
    startResponse(head.status, head.list());
  } else {
    startResponse('200 OK', plain(['X-Path', kind === 'own' ? path : 'any']));
  }
  if (kind === 'later') return nextTurn([body]);
  if (kind === 'blocks') return [body.slice(0, 10), body.slice(10)];
  if (kind === 'stream') {
    return (async function* () {
      yield body.slice(0, 10);
      await nextTurn();
      yield body.slice(10);
    })();
  }
  return [body];
};

const KINDS = ['any', 'any', 'own', 'prepared', 'later', 'blocks', 'stream'];
// Most go through the memory that the engine shares, and fill it.
const SIZES = [0, 100, 1000, 1000, 4000, 70_000];
/** Beyond which the engine's heads give up their numbers to new ones. */
const MANY_HEADS = 4200;
const FILES = { 'small.bin': 300, 'block.bin': 12_000, 'long.bin': 200_000 };

it.each([1, 2, 3])(
  'everybody gets his own answers, whatever the others get at the same time (seed %i)',
  async (seed) => {
    const folder = temporaryFolder();
    const contents = new Map<string, Buffer>();
    for (const [name, size] of Object.entries(FILES)) {
      contents.set(name, randomBytes(size));
      writeFileSync(join(folder, name), contents.get(name)!);
    }
    const random = new Random(seed);
    const { port } = await started(mount({ '/files': staticFiles(folder), '/': application }), {
      maxPipelined: 4,
      smallFileSize: 16_384,
    });
    const clients = await Promise.all(Array.from({ length: 12 }, () => RawClient.open(port)));
    let number = 0;
    const ask = (): { sent: string; due: Buffer } => {
      if (random.chance(6)) {
        const name = random.pick(Object.keys(FILES));
        return { sent: get(`/files/${name}`), due: contents.get(name)! };
      }
      const size = random.pick(SIZES);
      const path = `/${random.pick(KINDS)}/${size}/${number++}`;
      const body = random.chance(2) ? 'x'.repeat(random.pick([1, 100, 100, 20_000])) : '';
      const sent = body === '' ? get(path) : request('POST', path, `Content-Length: ${body.length}`) + body;
      return { sent, due: Buffer.from(`${path} ${body}`.padEnd(size, '.')) };
    };
    for (let index = 0; index < MANY_HEADS; index++) clients[0]!.send(get(`/prepared/0/${number++}`));
    for (let index = 0; index < MANY_HEADS; index++) await clients[0]!.response();
    for (let round = 0; round < 100; round++) {
      const asked = clients.map(() => random.list(4, ask));
      for (const [index, client] of clients.entries()) client.send(asked[index]!.map(({ sent }) => sent).join(''));
      for (const [index, client] of clients.entries()) {
        for (const { sent, due } of asked[index]!) {
          const { body } = await client.response();
          expect(body.equals(due), `${sent.split('\r\n', 1)} got ${body.toString('latin1', 0, 60)}`).toBe(true);
        }
      }
    }
  },
);
