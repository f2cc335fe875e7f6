import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, METHODS } from 'node:http';
import { connect } from 'node:net';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Environ } from '../../src/types.js';
import { Random } from '../random.mjs';
import { plain, started } from '../server/fixtures/started-server.js';

/**
 * Node's own parser, llhttp in its strict mode, as the second reader of what the engine accepts: a head that two
 * parsers understand differently is how a request is smuggled past the one in front.
 */
const CASES = Number(process.env.DIFFERENTIAL_CASES ?? 3000);
const SEED = Number(process.env.DIFFERENTIAL_SEED ?? 3333);

/** A request as one of the two understands it; each leaves out what the environ does not show. */
interface Understood {
  method: string;
  target: string;
  version: string;
  fields: Record<string, string>;
}

/** What may stand behind a head: the end of a chunked body, and enough for a body of a few bytes. */
const BEHIND = '0\r\n\r\n';

/** Where the engine accepts, on purpose, what llhttp does not: the reason, and the heads that it holds for. */
const ON_PURPOSE: Array<[why: string, holds: (understood: Understood, head: string) => boolean]> = [
  ['A method is any token (RFC 9110 §9.1), and llhttp has a list of them.', ({ method }) => !METHODS.includes(method)],
  [
    'Lengths that are the same, in one line or several, are one length (RFC 9112 §6.3).',
    (_, head) => lengths(head).join().includes(','),
  ],
  [
    'White space around a value may be tabs (RFC 9110 §5.5), and llhttp knows spaces only behind a length.',
    (_, head) => lengths(head).some((value) => value.trimStart().includes('\t')),
  ],
];

/** The values of Content-Length, with the white space around them. */
function lengths(head: string): string[] {
  return [...head.matchAll(/^content-length:(.*)$/gim)].map((match) => match[1]!);
}

// --- The two readers -------------------------------------------------------------------------------------------------

/** Has the engine read the heads, each on a connection of its own; undefined where it refuses one. */
async function readByEngine(heads: readonly string[]): Promise<Array<Understood | undefined>> {
  const seen = new Map<string, Environ>();
  const { port } = await started((environ, startResponse) => {
    // What stands behind a head may be another request.
    if (!seen.has(environ.REMOTE_PORT as string)) seen.set(environ.REMOTE_PORT as string, environ);
    startResponse('200 OK', plain());
    return [];
  });
  const understood: Array<Understood | undefined> = [];
  for (const head of heads) {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    const client = String(socket.localPort);
    socket.end(Buffer.from(head + BEHIND, 'latin1'));
    socket.resume();
    await once(socket, 'close');
    const environ = seen.get(client);
    seen.delete(client);
    understood.push(environ && fromEnviron(environ));
  }
  return understood;
}

function fromEnviron(environ: Environ): Understood {
  const fields = Object.entries(environ).filter(([key]) => key.startsWith('HTTP_') || key === 'CONTENT_TYPE');
  return {
    method: environ.REQUEST_METHOD as string,
    target: environ.REQUEST_URI as string,
    version: environ.SERVER_PROTOCOL as string,
    fields: Object.fromEntries(fields) as Record<string, string>,
  };
}

/** Has Node read the heads; undefined where it refuses one. */
async function readByNode(heads: readonly string[]): Promise<Array<Understood | undefined>> {
  const server = createServer({ insecureHTTPParser: false, maxHeaderSize: 64 * 1024 });
  const understood: Array<Understood | undefined> = [];
  for (const head of heads) {
    let first: Understood | undefined;
    const note = (request: IncomingMessage) => {
      first ??= fromMessage(request);
    };
    const events = ['request', 'connect', 'checkContinue', 'checkExpectation'] as const;
    for (const event of events) server.on(event, note);
    const socket = new Duplex({
      read() {},
      write: (_bytes, _encoding, done) => done(),
    });
    server.emit('connection', socket);
    socket.push(Buffer.from(head + BEHIND, 'latin1'));
    // The parser runs when the stream flows.
    await new Promise((resolve) => setImmediate(resolve));
    for (const event of events) server.off(event, note);
    socket.destroy();
    understood.push(first);
  }
  return understood;
}

function fromMessage(request: IncomingMessage): Understood {
  const fields: Record<string, string> = {};
  const { rawHeaders, url: target = '', method = '' } = request;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toUpperCase();
    // An environ has no two keys for these, or must not have them at all (httpoxy), or not as sent.
    if (name.includes('_') || name === 'PROXY' || name === 'TRANSFER-ENCODING' || name === 'CONTENT-LENGTH') continue;
    const key = name === 'CONTENT-TYPE' ? 'CONTENT_TYPE' : `HTTP_${name.replaceAll('-', '_')}`;
    const value = rawHeaders[at + 1]!;
    if (fields[key] === undefined) fields[key] = value;
    else if (key !== 'CONTENT_TYPE') fields[key] += `${key === 'HTTP_COOKIE' ? '; ' : ','}${value}`;
  }
  // RFC 9112 §3.2.2
  const authority = method === 'CONNECT' ? target : /^https?:\/\/([^/?]*)/i.exec(target)?.[1];
  if (authority !== undefined) fields.HTTP_HOST = authority;
  return { method, target, version: `HTTP/${request.httpVersion}`, fields };
}

// --- The heads -------------------------------------------------------------------------------------------------------

const VISIBLE = '/a%2F?&=.:@[]*!$\'()+,;-_~"<>\\^`{|}#';
const ODD = '\x00\t\n\r \x0b\x0c"(),/:;<=>?@[\\]{}\x7f\x80\xff';

function inventTarget(random: Random): string {
  const path = `/${random.text(VISIBLE, 8)}`;
  switch (random.below(10)) {
    case 0:
      return '*';
    case 1:
      return `${random.pick(['http', 'HTTPS', 'ftp'])}://${random.pick(['a', 'a:80', '[::1]:1', 'u@a', ''])}${path}`;
    case 2:
      return random.pick(['a:80', '[::1]:443', 'a', 'a:', '1.2.3.4:5']);
    default:
      return path;
  }
}

function inventField(random: Random): string {
  const name = random.pick([
    ...['X-Y', 'x-y', 'A', 'a_b', 'Cookie', 'Accept', 'Content-Type', 'Content-Length', 'Transfer-Encoding'],
    ...['Connection', 'Upgrade', 'Expect', 'Proxy', 'Host', 'TE', 'Keep-Alive', "!#$%&'*+.^`|~"],
  ]);
  const value = random.pick([
    ...['', 'a', ' a ', '\ta\t', 'a, b', '1', '5', '5, 5', '05', '+5', 'chunked', 'gzip, chunked', 'Chunked', 'close'],
    ...['keep-alive, Upgrade', 'h2c', '100-continue', 'caf\xe9', random.text(ODD, 4)],
  ]);
  return `${name}:${random.pick(['', ' ', '  ', '\t'])}${value}${random.pick(['', '', ' ', '\t'])}`;
}

function inventHead(random: Random): string {
  const method = random.pick(['GET', 'GET', 'POST', 'HEAD', 'OPTIONS', 'CONNECT', 'PATCH', 'M-SEARCH', 'OWN', 'get']);
  const version = random.pick(['1.1', '1.1', '1.1', '1.1', '1.0', '1.2', '2.0', '0.9']);
  const target = method === 'CONNECT' && !random.chance(4) ? random.pick(['a:80', '[::1]:443']) : inventTarget(random);
  const lines = [`${method} ${target} HTTP/${version}`, ...random.list(4, () => inventField(random))];
  if (!random.chance(8)) lines.splice(1 + random.below(lines.length), 0, 'Host: a');
  const end = () => (random.chance(60) ? random.pick(['\n', '\r', '\r\r\n', '\r\n ']) : '\r\n');
  return `${random.chance(20) ? '\r\n' : ''}${lines.map((line) => line + end()).join('')}${end()}`;
}

const CORPUS = fileURLToPath(new URL('../fuzz/corpus/request_head', import.meta.url));
// The first five bytes choose the fuzzer's limits and cuts.
const corpus = readdirSync(CORPUS).map((name) => readFileSync(`${CORPUS}/${name}`, 'latin1').slice(5));

/** One to three bytes of it removed, doubled, replaced or put in. */
function mutate(random: Random, head: string): string {
  let changed = head;
  for (let count = 1 + random.below(3); count > 0; count--) {
    const at = random.below(changed.length + 1);
    const byte = random.chance(2) ? random.pick([...ODD]) : random.pick([...VISIBLE, ...'GET HTTP/1.1\r\n', '5']);
    const kept = changed.slice(at + random.below(3));
    changed = `${changed.slice(0, at)}${random.chance(3) ? '' : byte}${kept}`;
  }
  return changed;
}

function invent(random: Random): string {
  const head = random.chance(3) ? random.pick(corpus) : inventHead(random);
  return random.chance(2) ? mutate(random, head) : head;
}

it('a head that the engine accepts is accepted by llhttp, and understood as the same', async () => {
  const random = new Random(SEED);
  const heads = Array.from({ length: CASES }, () => invent(random));
  const [ours, theirs] = await Promise.all([readByEngine(heads), readByNode(heads)]);
  let accepted = 0;
  for (const [number, head] of heads.entries()) {
    const our = ours[number];
    if (our === undefined) continue;
    accepted++;
    const their = theirs[number];
    if (their === undefined && ON_PURPOSE.some(([, holds]) => holds(our, head))) continue;
    expect(their, `case ${number}: ${JSON.stringify(head)}`).toEqual(our);
  }
  // Were nothing accepted, nothing would have been compared.
  expect(accepted).toBeGreaterThan(CASES / 10);
});
