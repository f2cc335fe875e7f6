/**
 * The server of a soak, in a process of its own. Arguments: the package's folder, the folder of the site and those of
 * TLS as JSON. It says its ports: plain, TLS, and both behind PROXY headers, those of patient listeners and then those of
 * listeners whose timeouts are short. Over its channel it does what it is told.
 */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { returnDescriptors, takeDescriptors } from '../taken-descriptors.mjs';
import { contentOf, HELLO } from './content.mjs';
import { REPLACED, STEADY, TRUNCATED } from './site.mjs';

/** @typedef {import('../../src/index.js').Application} Application */
/** @typedef {import('../../src/index.js').ResponseBody} ResponseBody */

/**
 * What there is of the server when nothing happens.
 *
 * @typedef {object} Rest
 * @property {number} openConnections
 * @property {number} heap bytes that JavaScript's objects take, and what they hold besides
 * @property {number} reserved bytes that V8 has for its heap, used or not
 * @property {number} unclosed results of applications
 * @property {number} closedTwice likewise
 * @property {number} requests since the beginning
 * @property {number} refused
 * @property {number} dropped
 * @property {string[]} complaints that nobody has caused on purpose
 */

/** @typedef {'rest' | 'takeDescriptors' | 'returnDescriptors'} Order */

const [root = '', site = '', tls = ''] = process.argv.slice(2);
/** @type {typeof import('../../src/index.js')} */
const { mount, openFile, serve, staticFiles } = await import(pathToFileURL(join(root, 'dist/index.js')).href);

const FILES = new Set(Object.keys({ ...STEADY, ...REPLACED, ...TRUNCATED }));
const BLOCK = 16 * 1024;
const PURPOSE = 'on purpose';
const fail = () => {
  throw new Error(PURPOSE);
};
const later = (/** @type {number} */ milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Of what applications answer. */
const results = { made: 0, closed: 0, closedTwice: 0 };

/**
 * Counts how often a result is closed.
 *
 * @template {object} Blocks
 * @param {Blocks} blocks
 * @param {() => void | Promise<void>} close
 */
function result(blocks, close = () => undefined) {
  let closed = 0;
  results.made++;
  return Object.assign(blocks, {
    close() {
      if (closed++ === 0) results.closed++;
      else results.closedTwice++;
      return close();
    },
  });
}

/** @param {Buffer} content */
function* inBlocks(content) {
  for (let at = 0; at < content.length; at += BLOCK) yield content.subarray(at, at + BLOCK);
}

/** @param {Buffer} content */
async function* inBlocksWithPauses(content) {
  for (const block of inBlocks(content)) {
    await later(1);
    yield block;
  }
}

/** @type {Record<string, Application>} */
const APPLICATIONS = {
  '/hello'(_environ, startResponse) {
    startResponse('200 OK', [['Content-Type', 'text/plain']]);
    return result([HELLO]);
  },
  '/who'(environ, startResponse) {
    startResponse('200 OK', [['Content-Type', 'text/plain']]);
    return result([environ.REMOTE_ADDR ?? '']);
  },
  '/content'(environ, startResponse) {
    const { name, size, by } = queryOf(environ);
    const content = contentOf(name, size);
    if (by === 'later') {
      return later(2).then(() => {
        startResponse('200 OK', []);
        return result([content]);
      });
    }
    /** @type {Array<[string, string]>} */
    const headers = by === 'length' ? [['Content-Length', String(size)]] : [];
    const write = startResponse('200 OK', headers);
    if (by === 'pauses') return result(inBlocksWithPauses(content));
    if (by === 'write') {
      for (const block of inBlocks(content)) write(block);
      return result([]);
    }
    return result(by === 'list' ? [content] : inBlocks(content));
  },
  '/echo'(environ, startResponse) {
    startResponse('200 OK', []);
    const input = environ['wsgi.input'];
    return result(
      (function* () {
        for (let block = input.read(BLOCK); block.length > 0; block = input.read(BLOCK)) yield block;
      })(),
    );
  },
  '/wrapped'(environ, startResponse) {
    const FileWrapper = /** @type {NonNullable<typeof environ['wsgi.file_wrapper']>} */ (environ['wsgi.file_wrapper']);
    const name = (environ.PATH_INFO ?? '').slice(1);
    if (!FILES.has(name)) {
      startResponse('404 Not Found', []);
      return result([]);
    }
    const file = openFile(join(site, name));
    startResponse('200 OK', []);
    return new FileWrapper(file);
  },
  '/fault'(environ, startResponse) {
    // Behind this the head is the application's, and has not left.
    startResponse('200 OK', environ.PATH_INFO === '/short' ? [['Content-Length', '100000']] : []);
    return /** @type {() => ResponseBody | Promise<ResponseBody>} */ (
      FAULTS[(environ.PATH_INFO ?? '').slice(1)] ?? fail
    )();
  },
  '/files': staticFiles(site),
};

/** What goes wrong in an application, by the point where it does. @type {Record<string, () => any>} */
const FAULTS = {
  'before-the-head': fail,
  rejected: () => Promise.reject(new Error(PURPOSE)),
  'rejected-late': () => later(3).then(fail),
  'never-settled': () => new Promise(() => undefined),
  'no-result': () => result({}),
  'first-block': () => result(blocksUpTo(0)),
  'second-block': () => result(blocksUpTo(1)),
  'later-block': () => result(inBlocksThenFail()),
  'no-block': () => result([42]),
  'in-return': () => result({ [Symbol.iterator]: () => ({ next: () => ({ value: HELLO }), return: fail }) }),
  'in-close': () => result([HELLO], fail),
  'in-close-late': () => result([HELLO], () => later(1).then(fail)),
  short: () => result([HELLO]),
};

/** @param {number} count */
function* blocksUpTo(count) {
  for (let block = 0; block < count; block++) yield HELLO;
  fail();
}

async function* inBlocksThenFail() {
  yield* inBlocksWithPauses(contentOf('fault', 5 * BLOCK));
  fail();
}

/** @param {import('../../src/index.js').Environ} environ */
function queryOf(environ) {
  const query = new URLSearchParams(environ.QUERY_STRING);
  return {
    name: query.get('name') ?? '',
    size: Math.min(Number(query.get('size')) || 0, 4 << 20),
    by: query.get('by'),
  };
}

// --- What it complains about -----------------------------------------------------------------------------------------

/** What a soak brings about: faults of the application, of the files and of the system. */
const EXPECTED = [
  PURPOSE,
  'no answer to GET /fault/never-settled',
  'must return an iterable of chunks',
  'must be a Uint8Array or a string',
  'EMFILE',
  'Nearly all file descriptors are in use',
  'shrank',
  'was written to while it was sent',
  'ended before',
  'less than its Content-Length',
];
/** @type {string[]} */
const complaints = [];

const errors = {
  write(/** @type {string} */ text) {
    if (complaints.length < 20 && !EXPECTED.some((expected) => text.includes(expected))) complaints.push(text);
  },
  writelines(/** @type {Iterable<string>} */ lines) {
    for (const line of lines) this.write(line);
  },
  flush() {},
};

// --- The server ------------------------------------------------------------------------------------------------------

const patient = {
  port: 0,
  errors,
  headersTimeout: 20_000,
  requestTimeout: 4000,
  bodyTimeout: 20_000,
  sendTimeout: 20_000,
  maxBodySize: 8 << 20,
  onRefused: () => undefined,
  onAnswered: () => undefined,
};
const impatient = { ...patient, headersTimeout: 2000, bodyTimeout: 2000, sendTimeout: 2000, keepAliveTimeout: 2000 };
const proxied = { trustedProxies: ['127.0.0.1'], proxyProtocol: true };
const application = mount(APPLICATIONS);
/** @type {Array<import('../../src/index.js').Server>} */
const servers = [];
for (const options of [patient, impatient]) {
  servers.push(
    await serve(application, options),
    await serve(application, { ...options, tls: JSON.parse(tls) }),
    await serve(application, { ...options, ...proxied }),
    await serve(application, { ...options, ...proxied, tls: JSON.parse(tls) }),
  );
}
const ports = servers.map(({ address }) => ('port' in address ? address.port : 0));
process.stdout.write(`ports ${ports.join(' ')}\n`);

/** @type {Record<Order, () => unknown>} */
const ORDERS = {
  async rest() {
    for (let pass = 0; pass < 3; pass++) {
      globalThis.gc?.();
      await later(10);
    }
    const { heapUsed, heapTotal, external } = process.memoryUsage();
    const { requests, refused, dropped } = /** @type {typeof servers[0]} */ (servers[0]).stats();
    return {
      openConnections: servers.reduce((sum, server) => sum + server.stats().openConnections, 0),
      heap: heapUsed + external,
      reserved: heapTotal,
      unclosed: results.made - results.closed,
      closedTwice: results.closedTwice,
      requests,
      refused,
      dropped,
      complaints,
    };
  },
  takeDescriptors,
  returnDescriptors,
};

process.on('message', async (/** @type {Order} */ order) => process.send?.((await ORDERS[order]()) ?? null));
process.on('disconnect', () => process.exit());
