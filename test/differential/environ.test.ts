import { connect } from 'node:net';
import { afterAll, describe, it } from 'vitest';
import { demoApp, makeServer } from '../../src/simple-server.js';
import type { Environ, HeaderList } from '../../src/types.js';
import type { Random } from '../random.mjs';
import { quiet } from '../server/fixtures/made-server.js';
import { differential } from './oracle.js';

interface EnvironCase {
  /** One byte a character. */
  request: string;
  base: Record<string, string>;
  /** Fields whose names have an underscore, for which ours has no variable. */
  hidden: string[];
}

const METHODS = ['GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'FOO', 'M-SEARCH'];
const SEGMENTS = [
  '',
  '',
  'a',
  'b.c',
  '.',
  '..',
  '%41',
  '%2F',
  '%2f',
  '%25',
  '%C3%A4',
  '%ff',
  ';x=1',
  '+',
  "!$&'()*,:@~",
];
// The last three have the names of CGI variables.
const NAMES = [
  'Accept',
  'accept',
  'X-Test',
  'x-test',
  'User-Agent',
  'Via',
  'Content-Type',
  'content-type',
  'Cache-Control',
];
const VARIABLES = ['Path-Info', 'Server-Name', 'Remote-Addr'];
const BASES = [
  { HTTP_VIA: 'base' },
  { COLOUR: 'green' },
  { HTTPS: 'on' },
  { SCRIPT_NAME: '/mounted' },
  { X_TEST: 'base' },
];

function invent(random: Random): EnvironCase {
  // No U+0085 and no U+00A0: Python takes the one for a line's end, and strips the other as white space.
  const value = () => random.text('ab,;="\\/ \t()<>\x80\xe4\xff', 8);
  const target = `/${random.list(5, () => random.pick(SEGMENTS)).join('/')}`;
  const query = random.chance(2) ? `?${random.text('a=b&;/?:@%+', 8)}` : '';
  const names = random.list(6, () => random.pick(random.chance(8) ? VARIABLES : NAMES));
  const fields = names.map((name) => `${name}:${random.text(' \t', 2)}${value()}${random.text(' \t', 2)}`);
  const hidden = random.chance(8) ? ['X_Hidden'] : [];
  for (const name of hidden) fields.push(`${name}: ${value()}`);
  // CPython joins several Cookie fields by a comma, which no cookie parser knows (RFC 6265 §5.4).
  if (random.chance(4)) fields.push(`Cookie: ${value()}`);
  fields.splice(random.below(fields.length + 1), 0, 'Host: example.test:8080');
  let body = '';
  if (random.chance(3)) {
    body = random.text('body\r\n\xff', 12);
    fields.splice(random.below(fields.length + 1), 0, `Content-Length: ${body.length}`);
  }
  const requestLine = `${random.pick(METHODS)} ${target}${query} HTTP/1.${random.below(2)}`;
  return {
    request: [requestLine, ...fields, '', body].join('\r\n'),
    base: random.chance(4) ? random.pick(BASES) : {},
    hidden,
  };
}

let seen: { environ: Environ; body: string } | undefined;
const { log, handlerClass } = quiet();
const server = makeServer(
  '127.0.0.1',
  0,
  (environ, startResponse) => {
    seen = { environ, body: environ['wsgi.input'].read(Number(environ.CONTENT_LENGTH)).toString('latin1') };
    startResponse('200 OK', [['Content-Type', 'text/plain']]);
    return ['seen'];
  },
  { handlerClass },
);
const [, port] = server.serverAddress;
server.serverPort = 8000;
afterAll(() => server.serverClose());

function answerTo(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    connect(port, '127.0.0.1')
      .setEncoding('latin1')
      .on('data', (text) => {
        answer += text;
      })
      .on('end', () => resolve(answer))
      .on('error', reject)
      .end(request, 'latin1');
  });
}

// What ours has beside CPython's, and what is each server's own.
const OWN = ['REMOTE_PORT', 'REQUEST_URI', 'wsgi.input_terminated', 'uwsgiref.signal'];
const NOT_COMPARED = [...OWN, 'SERVER_SOFTWARE', 'wsgi.input', 'wsgi.errors', 'wsgi.file_wrapper'];

async function ours({ request, base }: EnvironCase): Promise<unknown> {
  server.setupEnviron();
  Object.assign(server.baseEnviron, base);
  log.text = '';
  const [answer] = await Promise.all([answerTo(request), server.handleRequest()]);
  const { environ, body } = seen!;
  const shown = Object.entries(environ).filter(
    ([key, value]) => !NOT_COMPARED.includes(key) && process.env[key] !== value,
  );
  return {
    status: answer.split(' ')[1],
    environ: Object.fromEntries(shown),
    body,
    log: log.text.replace(/\[[^\]]*\]/, '[]'),
  };
}

describe('as CPython has them', () => {
  it('the environ of a raw request, and its log line', differential('environ', invent, ours));

  it(
    'the demo page',
    differential(
      'demo',
      (random) =>
        Object.fromEntries(
          random.list(6, () => [random.text('aB_.', 4), random.text('ab\'"\\\n\t\0\x1f\x7f\x80\xa0\xad\xe4 ', 8)]),
        ),
      (environ) => {
        const head: unknown[] = [];
        const startResponse = (status: string, headers: HeaderList) => {
          head.push(status, headers);
          return () => undefined;
        };
        const page = demoApp(environ as unknown as Environ, startResponse) as Iterable<Uint8Array>;
        return [head, Buffer.concat([...page]).toString()];
      },
    ),
  );
});
