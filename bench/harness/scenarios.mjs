/**
 * What is measured: the request each scenario sends and the body every server must answer with.
 *
 * @typedef {'hello' | 'echo' | 'file'} Route what a server must offer to take part
 *
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string} about one line for the report
 * @property {'load' | 'idle'} kind
 * @property {Route} route
 * @property {string} path
 * @property {string} warmUpPath what warms the servers up: the same code, as many times as it takes to compile it
 * @property {'GET' | 'POST'} method
 * @property {Record<string, string>} headers beside Host
 * @property {string} body sent with the request; empty for GET
 * @property {number} pipeline requests in flight on one connection
 * @property {number} connections upper bound; fewer where one answer is large, so that little is cut off at the end
 * @property {string} contentType that the response must declare
 */

export const HELLO = 'Hello, world!';

/** Sizes in bytes of the files that every file server offers under /file/NAME. */
export const FILE_SIZES = Object.freeze({ '1k': 1024, '100k': 100 * 1024, '10m': 10 * 1024 * 1024 });

export const IDLE_CONNECTIONS = 10_000;

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
  path: '/',
  warmUpPath: '/',
  method: 'GET',
  headers: {},
  body: '',
  pipeline: 1,
  connections: Number.POSITIVE_INFINITY,
  contentType: 'text/plain',
};

/** @param {keyof typeof FILE_SIZES} file */
const fileRequest = (file) => ({
  ...HELLO_REQUEST,
  route: /** @type {const} */ ('file'),
  path: `/file/${file}`,
  // A second of 10 MiB files is some 200 requests, and V8 would compile in the midst of the rounds.
  warmUpPath: '/file/1k',
  contentType: 'application/octet-stream',
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
    name: 'post-1k',
    about: '1 KiB posted, the same bytes answered',
    route: 'echo',
    path: '/echo',
    warmUpPath: '/echo',
    method: 'POST',
    headers: { 'Content-Type': 'application/octet-stream' },
    body: 'wsgi'.repeat(256),
    contentType: 'application/octet-stream',
  },
  { ...fileRequest('1k'), name: 'file-1k', about: 'a file of 1 KiB' },
  { ...fileRequest('100k'), name: 'file-100k', about: 'a file of 100 KiB' },
  { ...fileRequest('10m'), name: 'file-10m', about: 'a file of 10 MiB', connections: 8 },
  {
    ...HELLO_REQUEST,
    name: 'idle-10k',
    about: `${IDLE_CONNECTIONS} connections, each idle after one request: resident bytes of the server for each`,
    kind: 'idle',
  },
]);

/**
 * The body that a right answer to the scenario's request carries.
 *
 * @param {Scenario} scenario
 * @param {(name: string) => Buffer} readFile the contents of a file the servers offer
 * @returns {Buffer}
 */
export function expectedBody(scenario, readFile) {
  switch (scenario.route) {
    case 'hello':
      return Buffer.from(HELLO);
    case 'echo':
      return Buffer.from(scenario.body);
    case 'file':
      return readFile(scenario.path.slice('/file/'.length));
  }
}
