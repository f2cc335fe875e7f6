/** What clients ask for in a soak, and what they have to get. */

import { Wrong } from './connection.mjs';
import { contentOf, HELLO } from './content.mjs';
import { REPLACED, replacedContent, STEADY, TRUNCATED } from './site.mjs';

/** @typedef {import('./connection.mjs').Answer} Answer */
/** @typedef {import('../random.mjs').Random} Random */

/**
 * A request, and how its answer is judged.
 *
 * @typedef {object} Ask
 * @property {string} kind
 * @property {string} method
 * @property {Buffer} bytes
 * @property {(answer: Answer) => void} judge throws Wrong; of an answer that was cut, what came of it must be right
 * @property {boolean} [mayBeCut] the server has a reason to cut the answer
 */

const KIB = 1024;

/**
 * @param {string} method
 * @param {string} target
 * @param {string[]} fields
 */
const head = (method, target, ...fields) =>
  [`${method} ${target} HTTP/1.1`, 'Host: localhost', ...fields, '', ''].join('\r\n');

/** @typedef {{ status: number, body: Buffer }} Expected */

/**
 * An answer is that with the status and the length of one of these, and with its content.
 *
 * @param {Expected[]} all
 * @returns {Ask['judge']}
 */
const oneOf = (all) => (answer) => {
  const begins = (/** @type {Expected} */ { status, body }) =>
    answer.status === status && body.subarray(0, answer.body.length).equals(answer.body);
  const length = (/** @type {Expected} */ { body }) => !answer.whole || body.length === answer.body.length;
  if (all.some((expected) => begins(expected) && length(expected))) return;
  const expected = all.map(({ status, body }) => `${status} of ${body.length}`).join(' or ');
  const [{ body: likely }] = /** @type {[Expected]} */ (all);
  const first = answer.body.findIndex((byte, index) => byte !== likely[index]);
  throw new Wrong(
    `got ${answer.status} of ${answer.body.length} bytes${answer.whole ? '' : ', cut'}, expected ${expected}; ` +
      `from byte ${first} on: ${answer.body.toString('hex', first, first + 16)}`,
  );
};

/**
 * @param {string} kind
 * @param {string} target
 * @param {Buffer} body
 * @returns {Ask}
 */
const simple = (kind, target, body) => ({
  kind,
  method: 'GET',
  bytes: Buffer.from(head('GET', target)),
  judge: oneOf([{ status: 200, body }]),
});

export const hello = () => simple('hello', '/hello', HELLO);

/** @param {string} address */
export const who = (address) => simple('who', '/who', Buffer.from(address));

/** A body that an application produces. @param {Random} random @param {number} most bytes */
export function content(random, most) {
  const [name, size] = [String(random.below(1000)), random.below(most)];
  const by = random.pick(['list', 'length', 'blocks', 'pauses', 'later', 'write']);
  return simple(`content by ${by}`, `/content?name=${name}&size=${size}&by=${by}`, contentOf(name, size));
}

/** Bodies of requests: the least bytes, and how many more at most. Those that are stored have no place in memory. */
const BODIES = {
  small: /** @type {const} */ ([0, 20 * KIB]),
  large: /** @type {const} */ ([0, 2000 * KIB]),
  stored: /** @type {const} */ ([4097 * KIB, 500 * KIB]),
};

/** A body that an application sends back. @param {Random} random @returns {Ask} */
export function echo(random) {
  const kind = random.chance(16) ? 'stored' : random.chance(4) ? 'large' : 'small';
  const [least, more] = BODIES[kind];
  const body = contentOf(`echo ${random.below(1000)}`, least + random.below(more));
  const chunked = random.chance(2);
  const framed = chunked ? inChunks(random, body) : [body];
  const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
  return {
    kind: `${kind} body${chunked ? ' in chunks' : ''}`,
    method: 'POST',
    bytes: Buffer.concat([Buffer.from(head('POST', '/echo', framing)), ...framed]),
    judge: oneOf([{ status: 200, body }]),
  };
}

/** @param {Random} random @param {Buffer} body */
function inChunks(random, body) {
  const parts = [];
  const most = random.pick([100, 5000, 100_000]);
  for (let at = 0; at < body.length; ) {
    const chunk = body.subarray(at, at + 1 + random.below(most));
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
    at += chunk.length;
  }
  parts.push(Buffer.from(random.chance(2) ? '0\r\n\r\n' : '0\r\nX-Trailer: x\r\n\r\n'));
  return parts;
}

/** What a file that is not cut may hold at the moment. @param {string} name @returns {Buffer[]} */
function versionsOf(name) {
  if (name in REPLACED) return [replacedContent(name, 0), replacedContent(name, 1)];
  return [contentOf(name, STEADY[name] ?? 0)];
}

/**
 * The first half of a file, and of the second as much as there was. sendfile(2) lends the kernel's own pages to the
 * socket: what is cut off of the file before they have left arrives as zeros.
 *
 * @param {Buffer} content
 * @returns {Ask['judge']}
 */
const partly = (content) => (answer) => {
  const { status, body, whole } = answer;
  const half = content.length / 2;
  const right = body.every((byte, index) => byte === content[index] || (byte === 0 && index >= half));
  if (status === 200 && right && body.length <= content.length && (!whole || body.length >= half)) return;
  oneOf([{ status, body: content }])(answer);
};

/** A file, by `staticFiles` or by `wsgi.file_wrapper`. @param {Random} random @returns {Ask} */
export function file(random) {
  const name = random.pick(Object.keys({ ...STEADY, ...REPLACED, ...TRUNCATED }));
  const by = random.pick(['files', 'files', 'wrapped']);
  const method = by === 'files' && random.chance(8) ? 'HEAD' : 'GET';
  const cut = TRUNCATED[name];
  const versions = cut === undefined ? versionsOf(name) : [];
  const judge =
    cut === undefined ? oneOf(versions.map((body) => ({ status: 200, body }))) : partly(contentOf(name, cut));
  return {
    kind: `${method} of ${by}`,
    method,
    bytes: Buffer.from(head(method, `/${by}/${name}`)),
    judge: method === 'GET' ? judge : (answer) => judgeLength(answer, versions),
    mayBeCut: name in TRUNCATED,
  };
}

/** @param {Answer} answer @param {Buffer[]} versions */
function judgeLength(answer, versions) {
  const length = Number(answer.fields.get('content-length'));
  if (answer.status !== 200 || (versions.length > 0 && !versions.some((body) => body.length === length))) {
    throw new Wrong(`got ${answer.status} and Content-Length ${length} for HEAD`);
  }
}

/** Parts of a file that stays what it is. @param {Random} random @returns {Ask} */
export function ranges(random) {
  const name = random.pick(['middle.bin', 'large.bin']);
  const [whole] = /** @type {[Buffer]} */ (versionsOf(name));
  const parts = Array.from({ length: random.pick([1, 1, 2, 5]) }, () => {
    const first = random.below(whole.length);
    return [first, Math.min(whole.length - 1, first + random.below(random.pick([10, 100_000])))];
  });
  return {
    kind: parts.length > 1 ? 'several parts of a file' : 'a part of a file',
    method: 'GET',
    bytes: Buffer.from(head('GET', `/files/${name}`, `Range: bytes=${parts.map((part) => part.join('-')).join()}`)),
    judge: (answer) => judgeParts(answer, whole, parts.length),
  };
}

/** @param {Answer} answer @param {Buffer} whole @param {number} most parts */
function judgeParts(answer, whole, most) {
  if (answer.status !== 206) throw new Wrong(`got ${answer.status} for a range`);
  if (!answer.whole) return;
  const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(answer.fields.get('content-type') ?? '')?.[1];
  if (boundary === undefined) return judgePart(answer.fields.get('content-range'), answer.body, whole);
  // The parts are bytes, which may hold anything; but not the boundary.
  const pieces = answer.body.toString('latin1').split(`\r\n--${boundary}`);
  if (pieces.length - 2 > most || pieces.at(0) !== '' || pieces.at(-1) !== '--\r\n') throw new Wrong('bad multipart');
  for (const piece of pieces.slice(1, -1)) {
    const end = piece.indexOf('\r\n\r\n');
    const range = /^content-range: (.*)$/im.exec(piece.slice(0, end))?.[1];
    judgePart(range, Buffer.from(piece.slice(end + 4), 'latin1'), whole);
  }
}

/** @param {string | undefined} range @param {Buffer} body @param {Buffer} whole */
function judgePart(range, body, whole) {
  const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(range ?? '') ?? [];
  const right = whole.subarray(Number(first), Number(last) + 1);
  if (Number(size) !== whole.length || !right.equals(body)) throw new Wrong(`got another part than ${range}`);
}

/** What an application's fault has for an answer; whether there is one, only the server can say. @type {Array<[string, number[], Buffer]>} */
const FAULTS = [
  ['before-the-head', [500], HELLO],
  ['rejected', [500], HELLO],
  ['rejected-late', [500], HELLO],
  ['never-settled', [504], HELLO],
  ['no-result', [500], HELLO],
  ['first-block', [500], HELLO],
  ['second-block', [200, 500], HELLO],
  ['later-block', [200], contentOf('fault', 80 * KIB)],
  ['no-block', [500], HELLO],
  ['in-close', [200, 500], HELLO],
  ['in-close-late', [200, 500], HELLO],
  ['short', [200], HELLO],
];

/** @param {Random} random @returns {Ask} */
export function fault(random) {
  const [name, statuses, body] = random.pick(FAULTS);
  return {
    kind: `fault ${name}`,
    method: 'GET',
    bytes: Buffer.from(head('GET', `/fault/${name}`)),
    judge: ({ status, body: came, whole }) => {
      if (!statuses.includes(status)) throw new Wrong(`got ${status} for the fault ${name}`);
      if (status !== 200) return;
      const cutShort = name === 'later-block' || name === 'short';
      if ((whole && cutShort) || !body.subarray(0, came.length).equals(came)) throw new Wrong(`got a wrong ${name}`);
    },
    mayBeCut: true,
  };
}

/** An answer without end, by an iterator that cannot be told to end. */
export const ENDLESS = simple('fault in-return', '/fault/in-return', HELLO);

/** One that may run beside others. @param {Random} random @returns {Ask} */
export function safe(random) {
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      return hello();
    case 3:
      return content(random, 300 * KIB);
    case 4:
      return content(random, 5 * KIB);
    case 5:
      return ranges(random);
    default:
      return file(random);
  }
}

/** @param {Random} random @returns {Ask} */
export function any(random) {
  switch (random.below(5)) {
    case 0:
      return echo(random);
    case 1:
      return random.chance(4) ? fault(random) : echo(random);
    default:
      return safe(random);
  }
}
