import { afterAll, beforeAll, it, type MockInstance, vi } from 'vitest';
import { BaseCGIHandler, type OutputStream, SimpleHandler } from '../../src/handlers.js';
import { MemoryErrors, MemoryInput } from '../../src/streams.js';
import type { Application, Chunk, HeaderList } from '../../src/types.js';
import { FileWrapper } from '../../src/util.js';
import { differential } from './oracle.js';
import type { Random } from './random.js';

interface HandlerCase {
  environ: Record<string, string>;
  origin: boolean;
  version: string;
  software: string | null;
  output: 'whole' | 'partial' | 'broken';
  status: string;
  headers: HeaderList;
  written: string[];
  restart: boolean;
  body: 'array' | 'iterable' | 'file';
  blocks: string[];
  fails: 'at once' | 'after start' | 'twice' | 'while iterating' | null;
}

// Date is in every response, so that both have the same one; the error page, which has its own, goes without.
const DATE: [string, string] = ['Date', 'Mon, 05 Jun 2006 18:49:54 GMT'];
const withoutDate = (output: string) => output.replace(/(?<=\n)Date: [^\r]*\r\n/, '');

const STATUSES = ['200 OK', '404 Not Found', '204 ', '304 Not \xe4 Modified', '200', '20X OK', '2000OK', ''];
const FIELDS: HeaderList = [
  ['Content-Type', 'text/plain'],
  ['content-length', '3'],
  ['Server', 'mine'],
  ['X-Latin', '\xe4\xff\t'],
  ['Set-Cookie', 'a=b'],
  ['Set-Cookie', 'c=d'],
  ['X-Empty', ''],
  ['Transfer-Encoding', 'chunked'],
  ['connection', 'close'],
];

function invent(random: Random): HandlerCase {
  const block = () => random.text('abc\xe4\xff\n', 5);
  // The refusals come last in their lists and are picked less often.
  const status = random.pick(random.chance(6) ? STATUSES : STATUSES.slice(0, 4));
  const fields = random.chance(6) ? FIELDS : FIELDS.slice(0, -2);
  const withServer = random.chance(2);
  return {
    environ: { SERVER_PROTOCOL: random.pick(['HTTP/0.9', 'http/0.9', 'HTTP/1.0', 'HTTP/1.1', 'HTTP/1.1']) },
    origin: random.chance(2),
    version: random.pick(['1.0', '1.1']),
    software: withServer ? 'Software/1.0' : null,
    output: random.chance(8) ? 'broken' : random.chance(4) ? 'partial' : 'whole',
    status,
    headers: [DATE, ...random.list(4, () => random.pick(fields))],
    written: random.chance(3) ? random.list(3, block) : [],
    restart: random.chance(8),
    body: random.pick(['array', 'array', 'iterable', 'file']),
    blocks: random.list(3, block),
    fails: random.chance(3) ? random.pick(['at once', 'after start', 'twice', 'while iterating'] as const) : null,
  };
}

class Output implements OutputStream {
  data = '';
  constructor(readonly kind: HandlerCase['output']) {}

  write(data: Uint8Array): unknown {
    if (this.kind === 'broken') throw Object.assign(new Error('broken pipe'), { code: 'EPIPE' });
    const taken = this.kind === 'partial' ? data.subarray(0, 7) : data;
    this.data += Buffer.from(taken).toString('latin1');
    return this.kind === 'partial' ? taken.length : undefined;
  }
}

function run(given: HandlerCase): unknown {
  let closed = false;
  const close = () => {
    closed = true;
  };
  const blocks = given.blocks.map((block) => Buffer.from(block, 'latin1'));
  function* iterate(): Generator<Chunk> {
    yield* blocks;
    if (given.fails === 'while iterating') throw new Error('while iterating');
  }
  const application: Application = (_environ, startResponse) => {
    if (given.fails === 'at once') throw new Error('at once');
    const headers: HeaderList = given.headers.map(([name, value]) => [name, value]);
    const write = startResponse(given.status, headers);
    if (given.fails === 'after start') throw new Error('after start');
    for (const block of given.written) write(Buffer.from(block, 'latin1'));
    if (given.restart) startResponse('503 Restarted', [['X-Restarted', 'yes']], new Error('restarted'));
    if (given.fails === 'twice') startResponse(given.status, []);
    if (given.body === 'array') return Object.assign(blocks, { close });
    if (given.body === 'file') return new FileWrapper(new MemoryInput(Buffer.concat(blocks)), 3);
    return Object.assign(iterate(), { close });
  };

  const output = new Output(given.output);
  const errors = new MemoryErrors();
  const Handler = given.origin ? SimpleHandler : BaseCGIHandler;
  const handler = new Handler(new MemoryInput(), output, errors, given.environ);
  handler.osEnviron = {};
  handler.httpVersion = given.version;
  handler.serverSoftware = given.software;
  void handler.run(application);
  return {
    output: withoutDate(output.data),
    logged: errors.text !== '',
    closed,
    forgotten: handler.environ === null,
  };
}

let emitWarning: MockInstance<typeof process.emitWarning>;
beforeAll(() => {
  emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
});
afterAll(() => emitWarning.mockRestore());

it('SimpleHandler and BaseCGIHandler as CPython has them', differential('handler', invent, run));
