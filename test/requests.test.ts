import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessLog } from '../src/logging/access-log.js';
import { type Server, type ServerOptions, serve } from '../src/server/index.js';
import { MemoryErrors } from '../src/streams.js';
import type { Application, Environ } from '../src/types.js';
import { type Accepted, type CorpusFile, directoryOf, type Refused, requestCorpus } from './request-corpus.js';
import { certificate } from './server/fixtures/certificate.js';
import { get, RawClient } from './server/fixtures/raw-client.js';
import { plain } from './server/fixtures/started-server.js';
import { openTls } from './server/fixtures/tls-client.js';

const files = requestCorpus();
const folder = mkdtempSync(join(tmpdir(), 'uwsgiref-requests-'));
afterAll(() => rmSync(folder, { recursive: true }));
const tls = certificate(folder, 'server');

interface Transport {
  readonly options: ServerOptions;
  readonly scheme: string;
  open(server: Server): Promise<RawClient>;
}

const portOf = ({ address }: Server) => ('port' in address ? address.port : 0);
const path = join(folder, 'socket');
const TRANSPORTS: Record<string, Transport> = {
  TCP: { options: { port: 0 }, scheme: 'http', open: (server) => RawClient.open(portOf(server)) },
  'a Unix socket': { options: { path }, scheme: 'http', open: () => RawClient.open(path) },
  TLS: {
    options: { port: 0, tls },
    scheme: 'https',
    open: (server) => openTls(portOf(server), { ca: tls.cert }),
  },
};

/** What has reached the application on the connections of a test. */
const seen: Array<{ environ: Environ; body: string }> = [];

const application: Application = (environ, startResponse) => {
  seen.push({ environ, body: environ['wsgi.input'].read().toString('latin1') });
  startResponse('200 OK', plain());
  return ['seen'];
};

/** What follows the file on its connection. */
const BEHIND = get('/behind');

async function send(client: RawClient, bytes: string, waits: boolean): Promise<void> {
  if (!waits) {
    client.send(bytes);
    return;
  }
  const headEnd = bytes.indexOf('\r\n\r\n') + 4;
  client.send(bytes.slice(0, headEnd));
  await client.goAhead();
  client.send(bytes.slice(headEnd));
}

async function expectAccepted(client: RawClient, expected: Accepted, index: number, scheme: string): Promise<void> {
  const response = await client.response(expected.method);
  expect(response.status).toBe(200);
  const { environ, body } = seen[index]!;
  expect(environ).toMatchObject({ ...expected.environ, REQUEST_METHOD: expected.method, 'wsgi.url_scheme': scheme });
  // Over TLS the server itself says HTTPS.
  const absent = expected.absent.filter((name) => name !== 'HTTPS' || scheme === 'http');
  expect(absent.filter((name) => name in environ)).toEqual([]);
  expect(body).toBe(expected.body);
  if (!expected.persists) expect(response.field('connection')).toBe('close');
  // Without a word HTTP/1.1 persists; HTTP/1.0 has to be told.
  else expect(response.field('connection')).toBe(environ.SERVER_PROTOCOL === 'HTTP/1.0' ? 'keep-alive' : undefined);
}

/** What is to be in the access log, in this order. */
const refusals: Array<{ status: number; refused: string }> = [];

async function expectRefused(client: RawClient, { status, says }: Refused): Promise<void> {
  refusals.push({ status, refused: says });
  const response = await client.response();
  expect([response.status, response.body.toString()]).toEqual([status, `${says}\n`]);
  expect([response.field('connection'), response.framing]).toEqual(['close', 'length']);
  expect(response.field('content-type')).toBe('text/plain; charset=utf-8');
  expect((await client.end()).length).toBe(0);
}

describe.each(Object.entries(TRANSPORTS))('over %s', (name, { options, scheme, open }) => {
  let server: Server;
  const errors = new MemoryErrors();
  const logged = join(folder, `${name}.log`);
  const log = accessLog({ format: 'json', path: logged });
  beforeAll(async () => {
    refusals.length = 0;
    server = await serve(application, { ...options, errors, onRefused: log.onRefused });
  });
  afterAll(async () => {
    await server.close({ graceMs: 0 });
    expect(errors.text).toBe('');
    await log.close();
    const entries = readFileSync(logged, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(entries.map(({ status, refused }) => ({ status, refused }))).toEqual(refusals);
  });

  /** Sends `bytes`, and expects the requests of the file to be answered. */
  async function exchange({ accepted }: CorpusFile, bytes: string): Promise<RawClient> {
    seen.length = 0;
    const client = await open(server);
    await send(client, bytes, accepted[0]?.interim === true);
    for (const [index, expected] of accepted.entries()) await expectAccepted(client, expected, index, scheme);
    return client;
  }

  for (const file of files) {
    const { name, bytes, accepted, refused } = file;
    if (refused === undefined) {
      it(name, async () => {
        const client = await exchange(file, bytes + BEHIND);
        if (accepted.at(-1)?.persists) {
          expect((await client.response()).status).toBe(200);
          expect(seen.map(({ environ }) => environ.PATH_INFO).slice(accepted.length)).toEqual(['/behind']);
        } else {
          expect((await client.end()).length).toBe(0);
          expect(seen.length).toBe(accepted.length);
        }
      });
    } else {
      it(`${name}, with a request behind it`, async () => {
        const client = await exchange(file, bytes + BEHIND);
        await expectRefused(client, refused);
        expect(seen.length).toBe(accepted.length);
      });

      it(`${name}, up to its bad byte`, async () => {
        const client = await exchange(file, bytes.slice(0, refused.readTo));
        await expectRefused(client, refused);
        expect(seen.length).toBe(accepted.length);
      });
    }
  }
});

describe('the corpus', () => {
  it('says of each file why, and by which rule', () => {
    const rule = String.raw`(RFC \d{4} §[\dA-Z.]+|PEP \d+)`;
    const silent = files.filter(({ why, rules }) => why === '' || !new RegExp(`^${rule}(, ${rule})*$`).test(rules));
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  it('has valid requests under valid, others under invalid', () => {
    const misplaced = files.filter(({ name, refused }) => name.startsWith('invalid/') !== (refused !== undefined));
    expect(misplaced.map(({ name }) => name)).toEqual([]);
    expect(new Set(files.map(({ bytes }) => bytes)).size).toBe(files.length);
  });
});

describe('docs/http.md', () => {
  const text = readFileSync(new URL('../docs/http.md', import.meta.url), 'utf8');
  const named = [...text.matchAll(/`((?:in)?valid\/[^`]+)`/g)].map(([, name]) => name!);

  it('names files that there are, and every directory', () => {
    const there = new Set(files.flatMap((file) => [file.name, directoryOf(file)]));
    expect(named.filter((name) => !there.has(name))).toEqual([]);
    expect([...new Set(files.map(directoryOf))].filter((directory) => !named.includes(directory))).toEqual([]);
  });
});
