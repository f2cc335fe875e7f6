import { expect, vi } from 'vitest';
import type { BaseHandler } from '../../../src/handlers.js';
import { Headers } from '../../../src/headers.js';
import { MemoryInput } from '../../../src/streams.js';
import type { Chunk } from '../../../src/types.js';
import { FileWrapper } from '../../../src/util.js';
import {
  answering,
  ERROR,
  ERROR_PREAMBLE,
  environOf,
  failing,
  HELLO,
  type Least,
  logOf,
  outputOf,
  PREAMBLE,
} from './least-handler.js';
import type { Attribute } from './members.js';

/** A collaborator of each kind. */
class OtherFile {
  constructor(readonly filelike: { read(size?: number): Uint8Array }) {}
  [Symbol.iterator](): Iterator<Chunk> {
    return [this.filelike.read()].values();
  }
}
class OtherHeaders extends Headers {
  override toBytes(): Uint8Array {
    return Buffer.from(this.toString().replaceAll(': ', ':'));
  }
}

export interface Override<Value> {
  value: Value;
  /** Where it can be seen from outside. */
  effect(handler: Least): unknown;
  expected: unknown;
  byDefault: unknown;
}

/** Which results a handler tries to send as files. */
function sentAsFile(handler: Least): boolean[] {
  const sendfile = vi.spyOn(handler, 'sendfile');
  return [FileWrapper, OtherFile].map((Wrapper) => {
    sendfile.mockClear();
    void handler.run(answering(new Wrapper(new MemoryInput('file'))));
    return sendfile.mock.calls.length > 0;
  });
}
const inEnviron = (key: string) => (handler: Least) => environOf(handler)[key];
const software = (handler: Least) => [environOf(handler).SERVER_SOFTWARE, handler.output];
const wrapper = (handler: Least) => [environOf(handler)['wsgi.file_wrapper'], ...sentAsFile(handler)];
// Two stand for more.
const frames = (handler: Least) =>
  logOf(handler)
    .match(/^ {4}at /gm)!
    .slice(0, 2).length;
const errorOf = (handler: Least) => outputOf(handler, failing);

export const attributes: { [Name in Attribute]: Array<Override<BaseHandler[Name]>> } = {
  wsgiVersion: [{ value: [1, 1], effect: inEnviron('wsgi.version'), expected: [1, 1], byDefault: [1, 0] }],
  wsgiMultithread: [{ value: false, effect: inEnviron('wsgi.multithread'), expected: false, byDefault: true }],
  wsgiMultiprocess: [{ value: false, effect: inEnviron('wsgi.multiprocess'), expected: false, byDefault: true }],
  wsgiRunOnce: [{ value: true, effect: inEnviron('wsgi.run_once'), expected: true, byDefault: false }],
  originServer: [
    {
      value: false,
      effect: (handler) => outputOf(handler),
      expected: 'Status: 200 OK\r\nContent-Length: 5\r\n\r\nhello',
      byDefault: HELLO,
    },
    {
      value: false,
      effect: (handler) => outputOf(Object.assign(handler, { clientIsModern: () => false })),
      expected: 'Status: 200 OK\r\nContent-Length: 5\r\n\r\nhello',
      byDefault: 'hello',
    },
    {
      value: false,
      effect: (handler) => software(Object.assign(handler, { serverSoftware: 'Own/1' })),
      expected: [undefined, 'Status: 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
      byDefault: ['Own/1', `${PREAMBLE}Server: Own/1\r\nContent-Length: 5\r\n\r\nhello`],
    },
  ],
  httpVersion: [
    {
      value: '1.1',
      effect: (handler) => outputOf(handler),
      expected: HELLO.replace('HTTP/1.0', 'HTTP/1.1'),
      byDefault: HELLO,
    },
  ],
  serverSoftware: [
    {
      value: 'Own/1',
      effect: software,
      expected: ['Own/1', `${PREAMBLE}Server: Own/1\r\nContent-Length: 5\r\n\r\nhello`],
      byDefault: [undefined, HELLO],
    },
  ],
  osEnviron: [
    {
      value: { HOME: '/elsewhere', REMOTE_ADDR: 'covered' },
      effect: (handler) => [environOf(handler).HOME, environOf(handler).REMOTE_ADDR],
      expected: ['/elsewhere', '127.0.0.1'],
      byDefault: ['/of/the/process', '127.0.0.1'],
    },
  ],
  wsgiFileWrapper: [
    { value: OtherFile, effect: wrapper, expected: [OtherFile, false, true], byDefault: [FileWrapper, true, false] },
    { value: null, effect: wrapper, expected: [undefined, false, false], byDefault: [FileWrapper, true, false] },
  ],
  headersClass: [
    {
      value: OtherHeaders,
      effect: (handler) => outputOf(handler),
      expected: `${PREAMBLE}Content-Length:5\r\n\r\nhello`,
      byDefault: HELLO,
    },
  ],
  tracebackLimit: [
    { value: 1, effect: frames, expected: 1, byDefault: 2 },
    { value: 0, effect: logOf, expected: 'Error: the trouble\n', byDefault: expect.stringMatching(/\n {4}at .*\n/) },
  ],
  errorStatus: [
    {
      value: '503 Sorry',
      effect: errorOf,
      expected: ERROR.replace('500 Internal Server Error', '503 Sorry'),
      byDefault: ERROR,
    },
  ],
  errorHeaders: [
    {
      value: [['Retry-After', '7']],
      effect: errorOf,
      expected: ERROR.replace('Content-Type: text/plain', 'Retry-After: 7'),
      byDefault: ERROR,
    },
  ],
  errorBody: [
    {
      value: 'sorry',
      effect: errorOf,
      expected: `${ERROR_PREAMBLE}Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nsorry`,
      byDefault: ERROR,
    },
  ],
};
