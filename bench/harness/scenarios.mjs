/**
 * What is measured: the requests of each scenario, and what every server must answer.
 *
 * @typedef {'hello' | 'wsgi' | 'echo' | 'upload' | 'stream' | 'file' | 'range' | 'conditional' | 'mix'} Route what a server must
 *   offer to take part
 * @typedef {'load' | 'idle' | 'slow-readers' | 'cold-files'} Kind how it is measured
 *
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string} about one line for the report
 * @property {Kind} kind
 * @property {Route} route
 * @property {readonly string[]} paths asked for in turn
 * @property {readonly string[]} warmUpPaths what warms the servers up: the same code, as many times as it takes to compile it
 * @property {'GET' | 'POST'} method
 * @property {Readonly<Record<string, string>>} headers beside Host
 * @property {string} body sent with the request; empty for GET
 * @property {number} pipeline requests in flight on one connection
 * @property {boolean} newConnections each request comes on a connection of its own
 * @property {boolean} tls
 * @property {number} connections upper bound; fewer where one answer is large, so that little is cut off at the end
 * @property {Expectation} expected
 *
 * @typedef {object} Expectation
 * @property {number} status
 * @property {string} [contentType] how the field begins; absent where types differ, or there is no content
 * @property {'length' | 'chunked' | 'none'} framing of the answer's body
 */
import { ASSETS } from './assets.mjs';

export const HELLO = 'Hello, world!';

/** Sizes in bytes of the files that every file server offers under /file/NAME. */
export const FILE_SIZES = Object.freeze({
  '1k.bin': 1024,
  '10k.bin': 10 * 1024,
  '100k.bin': 100 * 1024,
  '10m.bin': 10 * 1024 * 1024,
});

export const IDLE_CONNECTIONS = 10_000;
export const SLOW_READERS = 2_000;

/** The files, of 10 MiB each, whose pages are dropped before they are asked for, under /cold/NAME. */
export const COLD_FILES = Object.freeze(Array.from({ length: 16 }, (_, index) => `${index}.bin`));
export const COLD_FILE_SIZE = 10 * 1024 * 1024;

/** The body that a server streams, and in how many pieces of its own it does so. */
export const STREAM_CHUNK = `${'0123456789abcdef'.repeat(64)}`;
export const STREAM_CHUNKS = 100;

/** The part that is asked for of the file of 10 MiB: from an odd place, as a player that seeks does. */
export const RANGE = Object.freeze({ first: 5_000_001, last: 5_065_536 });

/** What Chrome sends when a link is followed: with Host, eleven field lines. */
const BROWSER_HEADERS = Object.freeze({
  'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8',
  'Accept-Encoding': 'gzip, deflate, br, zstd',
  'Accept-Language': 'en-GB,en;q=0.9,de;q=0.8',
  'Sec-CH-UA': '"Not/A)Brand";v="8", "Chromium";v="126", "Google Chrome";v="126"',
  'Sec-Fetch-Dest': 'document',
  'Sec-Fetch-Mode': 'navigate',
  'Sec-Fetch-Site': 'same-origin',
  'Upgrade-Insecure-Requests': '1',
  Cookie: 'session=0b9f4f0f4a1c4a3f8e5b; theme=dark; consent=necessary',
});

/** @type {Omit<Scenario, 'name' | 'about'>} */
const HELLO_REQUEST = {
  kind: 'load',
  route: 'hello',
  paths: ['/'],
  warmUpPaths: ['/'],
  method: 'GET',
  headers: {},
  body: '',
  pipeline: 1,
  newConnections: false,
  tls: false,
  connections: Number.POSITIVE_INFINITY,
  expected: { status: 200, contentType: 'text/plain', framing: 'length' },
};

/**
 * @param {'/echo' | '/upload'} path
 * @param {string} body
 * @returns {Omit<Scenario, 'name' | 'about'>}
 */
const postRequest = (path, body) => ({
  ...HELLO_REQUEST,
  route: path === '/echo' ? 'echo' : 'upload',
  paths: [path],
  warmUpPaths: [path],
  method: 'POST',
  headers: { 'Content-Type': 'application/octet-stream' },
  body,
  expected: {
    status: 200,
    contentType: path === '/echo' ? 'application/octet-stream' : 'text/plain',
    framing: 'length',
  },
});

/**
 * @param {keyof typeof FILE_SIZES} file
 * @returns {Omit<Scenario, 'name' | 'about'>}
 */
const fileRequest = (file) => ({
  ...HELLO_REQUEST,
  route: 'file',
  paths: [`/file/${file}`],
  // A second of 10 MiB files is some 200 requests, and V8 would compile in the midst of the rounds.
  warmUpPaths: ['/file/1k.bin'],
  expected: { status: 200, contentType: 'application/octet-stream', framing: 'length' },
});

/** @type {readonly Scenario[]} */
export const SCENARIOS = Object.freeze([
  { ...HELLO_REQUEST, name: 'hello', about: '13 bytes for a request with one field line' },
  {
    ...HELLO_REQUEST,
    name: 'hello-browser',
    about: '13 bytes for a request with the eleven field lines of a browser',
    headers: BROWSER_HEADERS,
  },
  { ...HELLO_REQUEST, name: 'hello-pipelined', about: '13 bytes, 16 requests pipelined', pipeline: 16 },
  {
    ...HELLO_REQUEST,
    name: 'hello-new-connection',
    about: '13 bytes, a new connection for each request',
    // A path of its own, as uWebSockets.js closes on demand, but leaves it to the application to say so.
    paths: ['/close'],
    warmUpPaths: ['/close'],
    headers: { Connection: 'close' },
    newConnections: true,
  },
  {
    ...HELLO_REQUEST,
    name: 'wsgi-hello',
    about: '13 bytes by a WSGI application: in JavaScript here, in Python under the servers of CPython',
    route: 'wsgi',
  },
  { ...postRequest('/echo', 'wsgi'.repeat(256)), name: 'post-1k', about: '1 KiB posted, the same bytes answered' },
  {
    ...postRequest('/upload', 'wsgi'.repeat(256 * 1024)),
    name: 'post-1m',
    about: '1 MiB posted, which the application holds as a whole; its length answered',
    connections: 16,
  },
  {
    ...HELLO_REQUEST,
    name: 'stream-100',
    about: `a body of ${STREAM_CHUNKS} pieces of 1 KiB that the application produces, chunked`,
    route: 'stream',
    paths: ['/stream'],
    warmUpPaths: ['/stream'],
    expected: { status: 200, contentType: 'text/plain', framing: 'chunked' },
  },
  { ...fileRequest('1k.bin'), name: 'file-1k', about: 'a file of 1 KiB' },
  { ...fileRequest('10k.bin'), name: 'file-10k', about: 'a file of 10 KiB' },
  { ...fileRequest('100k.bin'), name: 'file-100k', about: 'a file of 100 KiB' },
  { ...fileRequest('10m.bin'), name: 'file-10m', about: 'a file of 10 MiB', connections: 8 },
  {
    ...HELLO_REQUEST,
    name: 'asset-mix',
    about: 'the 20 assets of a page in turn, the texts among them precompressed by gzip',
    route: 'mix',
    paths: ASSETS.map(({ path }) => path),
    warmUpPaths: ASSETS.map(({ path }) => path),
    headers: { 'Accept-Encoding': 'gzip' },
    expected: { status: 200, framing: 'length' },
  },
  {
    ...fileRequest('10m.bin'),
    name: 'range',
    about: '64 KiB from the midst of a file of 10 MiB',
    route: 'range',
    warmUpPaths: ['/file/10m.bin'],
    headers: { Range: `bytes=${RANGE.first}-${RANGE.last}` },
    expected: { status: 206, contentType: 'application/octet-stream', framing: 'length' },
  },
  {
    ...fileRequest('10k.bin'),
    name: 'not-modified',
    about: 'a file that has not changed: 304 by ETag and date, as the server itself gave them',
    route: 'conditional',
    warmUpPaths: ['/file/10k.bin'],
    expected: { status: 304, framing: 'none' },
  },
  { ...HELLO_REQUEST, name: 'tls-hello', about: '13 bytes over TLS 1.3, connections kept', tls: true },
  {
    ...fileRequest('10m.bin'),
    name: 'tls-file-10m',
    about: 'a file of 10 MiB over TLS 1.3',
    tls: true,
    connections: 8,
  },
  {
    ...fileRequest('10m.bin'),
    name: 'cold-files',
    about: 'hello at 1,000 requests a second while files are sent whose pages are not in memory',
    kind: 'cold-files',
    connections: 4,
    paths: ['/'],
    expected: HELLO_REQUEST.expected,
  },
  {
    ...fileRequest('10m.bin'),
    name: 'slow-readers',
    about: `${SLOW_READERS.toLocaleString('en')} clients that read a file of 10 MiB at 32 KiB a second`,
    kind: 'slow-readers',
    connections: SLOW_READERS,
  },
  {
    ...HELLO_REQUEST,
    name: 'idle-10k',
    about: `${IDLE_CONNECTIONS.toLocaleString('en')} connections, each idle after one request: resident bytes of the server for each`,
    kind: 'idle',
    connections: IDLE_CONNECTIONS,
  },
]);

/** What `--quick` measures: a scenario of each sort, those that the targets speak of among them. */
export const QUICK_SCENARIOS = Object.freeze([
  'hello',
  'hello-new-connection',
  'wsgi-hello',
  'file-1k',
  'file-100k',
  'file-10m',
  'asset-mix',
  'not-modified',
  'tls-hello',
]);

/**
 * The body that a right answer to a scenario's request carries.
 *
 * @param {Scenario} scenario
 * @param {string} path one of its paths
 * @param {(path: string) => Buffer} readFile the contents of a file the servers offer, by the path that asks for it
 * @returns {Buffer}
 */
export function expectedBody(scenario, path, readFile) {
  if (path === '/') return Buffer.from(HELLO);
  switch (scenario.route) {
    case 'hello':
    case 'wsgi':
      return Buffer.from(HELLO);
    case 'echo':
      return Buffer.from(scenario.body);
    case 'upload':
      return Buffer.from(String(scenario.body.length));
    case 'stream':
      return Buffer.from(STREAM_CHUNK.repeat(STREAM_CHUNKS));
    case 'file':
      return readFile(path);
    case 'range':
      return readFile(path).subarray(RANGE.first, RANGE.last + 1);
    case 'conditional':
      return Buffer.alloc(0);
    case 'mix':
      return readFile(ASSETS.find((asset) => asset.path === path)?.precompressed ? `${path}.gz` : path);
  }
}
