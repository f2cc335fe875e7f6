import { afterAll, beforeAll, it, vi } from 'vitest';
import { BaseCGIHandler, ClientDisconnectedError, type OutputStream, SimpleHandler } from '../../src/handlers.js';
import { MemoryErrors, MemoryInput } from '../../src/streams.js';
import type {
  Chunk,
  Environ,
  FileWrapperClass,
  HeaderList,
  InputStream,
  ResponseBody,
  StartResponse,
  Write,
} from '../../src/types.js';
import { FileWrapper } from '../../src/util.js';
import { type HandlerCase, inventHandler, type Step } from './handler-case.js';
import { differential } from './oracle.js';

/** What scripts and streams throw; reports have its name. */
class Trouble extends Error {}

function nameOf(error: unknown): string {
  if (error instanceof Trouble) return error.message;
  return error instanceof ClientDisconnectedError ? 'gone' : 'another';
}

function encode(block: string | null): Chunk {
  const data: unknown = block === null ? null : Buffer.from(block, 'latin1');
  return data as Chunk;
}

const pairs = (fields: HeaderList): HeaderList => fields.map(([name, value]) => [name, value]);

/** Takes so many bytes, or seven at a time, and then there is nobody left to take any. */
class Output implements OutputStream {
  data = Buffer.alloc(0);
  constructor(readonly given: HandlerCase['output']) {}

  write(offered: Uint8Array): unknown {
    const { partial, room } = this.given;
    const data = partial ? offered.subarray(0, 7) : offered;
    const taken = room === null ? data : data.subarray(0, room - this.data.length);
    this.data = Buffer.concat([this.data, taken]);
    if (taken.length < data.length) this.disconnect();
    return partial ? data.length : undefined;
  }

  flush(): void {
    if (this.given.flush === 'fails') throw new Trouble('flush');
    if (this.given.flush === 'gone') this.disconnect();
  }

  private disconnect(): never {
    throw Object.assign(new Error('gone'), { code: this.given.code });
  }
}

class BrokenErrors extends MemoryErrors {
  override write(): never {
    throw new Trouble('errors');
  }
}

/** Does the steps of its script when it is called, and others while its body is iterated over. */
class ScriptedApplication {
  closed: string[] = [];
  seen: Record<string, unknown> | null = null;
  fields: HeaderList[] = [];
  #write: Write | undefined;
  constructor(readonly given: HandlerCase) {}

  run(environ: Environ, startResponse: StartResponse): ResponseBody {
    const { 'wsgi.input': input, 'wsgi.errors': _, 'wsgi.file_wrapper': fileWrapper, ...seen } = environ;
    this.seen = seen;
    const perform = (step: Step): void => this.#perform(step, input, startResponse);
    for (const step of this.given.called) perform(step);
    return this.#body(perform, fileWrapper);
  }

  #perform(step: Step, input: InputStream, startResponse: StartResponse): void {
    switch (step[0]) {
      case 'start':
      case 'restart': {
        const fields = pairs(step[2]);
        this.fields.push(fields);
        this.#write = startResponse(step[1], fields, ...(step[0] === 'restart' ? [new Trouble('restarted')] : []));
        return;
      }
      case 'read':
      case 'readline':
        this.#write!(input[step[0]](step[1]));
        return;
      case 'raise':
        throw new Trouble(step[1]);
      case 'write':
      case 'yield':
        this.#write!(encode(step[1]));
    }
  }

  #body(perform: (step: Step) => void, fileWrapper: FileWrapperClass | undefined): ResponseBody {
    const { kind, steps, blksize } = this.given.body;
    if (Object.hasOwn(NO_BODIES, kind)) return NO_BODIES[kind] as ResponseBody;
    if (kind === 'generator') return this.#generate(steps, perform);
    const close = () => this.close('body');
    const scripted = iterable(() => iterate(steps, perform));
    if (kind === 'iterable') return Object.assign(scripted, { close });
    const blocks = steps.flatMap((step) => (step[0] === 'yield' ? [encode(step[1])] : []));
    if (kind === 'bare array') return blocks;
    if (kind === 'array' || fileWrapper === undefined) return Object.assign(blocks, { close });
    const content = new MemoryInput(Buffer.concat(blocks.map((block) => Buffer.from(block))));
    return new fileWrapper({ read: (size) => content.read(size), close }, blksize);
  }

  *#generate(steps: Step[], perform: (step: Step) => void): Generator<Chunk> {
    try {
      yield* iterate(steps, perform);
    } finally {
      this.closed.push('generator');
    }
  }

  close(what: string): void {
    this.closed.push(what);
    if (this.given.closing === 'fails') throw new Trouble('closing');
  }
}

const NO_BODIES: Record<string, unknown> = { text: 'text', bytes: Buffer.from('bytes'), nothing: null, number: 12 };

function iterable(iterator: () => Iterator<Chunk>): Iterable<Chunk> {
  return { [Symbol.iterator]: iterator };
}

function* iterate(steps: Step[], perform: (step: Step) => void): Generator<Chunk> {
  for (const step of steps) {
    if (step[0] === 'yield') yield encode(step[1]);
    else perform(step);
  }
}

/** What the oracle overrides in the same way. */
function observed(Handler: typeof SimpleHandler) {
  return class extends Handler {
    declare given: HandlerCase;
    declare application: ScriptedApplication;
    logged: string[] = [];

    override addCgiVars(): void {
      super.addCgiVars();
      if (this.given.setup === 'fails') throw new Trouble('setup');
    }

    override logException(error: unknown): void {
      this.logged.push(nameOf(error));
      super.logException(error);
    }

    override sendfile(): boolean | Promise<boolean> {
      const kind = this.given.sendfile;
      if (kind === 'fails before') throw new Trouble('sendfile');
      if (kind === 'begins' || kind === 'sends' || kind === 'fails after') {
        if (!this.headersSent) this.sendHeaders();
        if (kind === 'begins') return false;
        if (this.result instanceof FileWrapper) this._write(this.result.filelike.read());
        if (kind === 'fails after') throw new Trouble('sendfile');
      }
      return kind === 'sends' || kind === 'pretends' ? true : super.sendfile();
    }

    override errorOutput(environ: Environ, startResponse: StartResponse): ResponseBody | Promise<ResponseBody> {
      const { kind, body } = this.given.page;
      if (kind === 'raises before') throw new Trouble('page');
      if (kind === 'never starts') return [this.errorBody];
      if (kind === 'inherited') return super.errorOutput(environ, startResponse);
      const write = startResponse(this.errorStatus, this.errorHeaders.slice(), this.currentError);
      if (kind === 'raises after') throw new Trouble('page');
      if (kind === 'writes') {
        write(this.errorBody);
        return [];
      }
      const blocks = function* (): Generator<Chunk> {
        yield encode(body);
        if (kind === 'raises while iterating') throw new Trouble('page');
      };
      return Object.assign(iterable(blocks), { close: () => this.application.close('page') });
    }
  };
}

const Origin = observed(SimpleHandler);
const Gateway = observed(BaseCGIHandler);

function run(given: HandlerCase): unknown {
  vi.setSystemTime(given.clock * 1000);
  const output = new Output(given.output);
  const errors = given.errors === 'broken' ? new BrokenErrors() : new MemoryErrors();
  const input = new MemoryInput(Buffer.from(given.input, 'latin1'));
  const handler = new (given.origin ? Origin : Gateway)(input, output, errors, given.environ, ...given.multi);
  const application = new ScriptedApplication(given);
  handler.given = given;
  handler.application = application;
  handler.osEnviron = given.osEnviron;
  handler.httpVersion = given.version;
  handler.serverSoftware = given.software;
  if (!given.fileWrapper) handler.wsgiFileWrapper = null;
  handler.errorStatus = given.page.status;
  handler.errorHeaders = pairs(given.page.headers);
  handler.errorBody = encode(given.page.body);
  let raised: string | null = null;
  try {
    void handler.run((environ, startResponse) => application.run(environ, startResponse));
  } catch (error) {
    raised = nameOf(error);
  }
  return {
    output: output.data.toString('latin1'),
    logged: handler.logged,
    raised,
    closed: application.closed,
    seen: application.seen,
    fields: application.fields,
    pageHeaders: handler.errorHeaders,
    kept: {
      status: handler.status,
      headers: handler.headers?.items() ?? null,
      environ: handler.environ !== null,
      result: handler.result !== null,
      headersSent: handler.headersSent,
      bytesSent: handler.bytesSent,
    },
  };
}

// Of partial writes there are many. A mock would keep them all.
const { emitWarning } = process;
beforeAll(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
  process.emitWarning = () => undefined;
});
afterAll(() => {
  vi.useRealTimers();
  process.emitWarning = emitWarning;
});

it('SimpleHandler and BaseCGIHandler as CPython has them', differential('handler', inventHandler, run));
