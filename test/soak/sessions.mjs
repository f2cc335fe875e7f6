/** What clients do in a soak, from connecting to leaving: those that behave, and those that do not. */

import { any, content, ENDLESS, echo, file, hello, safe, who } from './asks.mjs';
import { Connection, Unanswered, Wrong } from './connection.mjs';

/** @typedef {import('../random.mjs').Random} Random */
/** @typedef {import('./asks.mjs').Ask} Ask */
/** @typedef {import('./connection.mjs').Kind} Kind */

/**
 * What a session works with.
 *
 * @typedef {object} Scene
 * @property {Random} random
 * @property {(kind: Kind | 'untold', impatient?: boolean, proxyHeader?: string) => Promise<Connection>} open 'untold': to
 *   where TLS is spoken, without it
 * @property {(ask: Ask, answer: import('./connection.mjs').Answer) => void} got an answer, and judges it
 * @property {() => boolean} excused whether the server may have had reason to do less than it should
 */

const KIB = 1024;
const later = (/** @type {number} */ milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
/** @param {Random} random @returns {Kind} */
const anyKind = (random) => random.pick(['plain', 'plain', 'plain', 'tls', 'proxied', 'proxiedTls']);

/** Milliseconds after which an impatient port closes the connection of who says nothing. */
const IMPATIENCE = 2000;

/** PROXY headers of a client, as text and as bytes. */
const CLIENT = '203.0.113.7';
const PROXY_HEADERS = [
  `PROXY TCP4 ${CLIENT} 192.0.2.1 61000 80\r\n`,
  `\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\xc0\0\x02\x01\xee\x48\0\x50`,
];

/** Asks for each in turn. @param {Scene} scene @param {Connection} connection @param {Ask[]} asks */
async function inTurn(scene, connection, asks) {
  for (const ask of asks) {
    connection.send(ask.bytes);
    const answer = await connection.answer(ask.method);
    scene.got(ask, answer);
    if (!answer.whole || answer.fields.get('connection') === 'close') return;
  }
}

/** Asks for all at once. @param {Scene} scene @param {Connection} connection @param {Ask[]} asks */
async function pipelined(scene, connection, asks) {
  connection.send(Buffer.concat(asks.map(({ bytes }) => bytes)));
  for (const ask of asks) {
    const answer = await connection.answer(ask.method);
    scene.got(ask, answer);
    if (!answer.whole) return;
  }
}

/** @param {Scene} scene @param {Kind} kind @param {boolean} impatient @returns {Promise<Connection>} behind its PROXY header, where there is one */
async function openReady({ random, open }, kind, impatient = false) {
  return open(kind, impatient, kind === 'proxied' || kind === 'proxiedTls' ? random.pick(PROXY_HEADERS) : '');
}

/** Has to be refused with this status, or, where `orNone`, to be closed. @param {Scene} scene @param {Connection} connection @param {number} status @param {boolean} orNone */
async function refused(scene, connection, status, orNone = false) {
  try {
    const answer = await connection.answer('GET');
    const inNeed = answer.status >= 500 && scene.excused();
    if (answer.status !== status && !inNeed) throw new Wrong(`got ${answer.status} instead of ${status}`);
    const behind = await connection.rest();
    if (behind.length > 0) throw new Wrong(`got ${behind.length} bytes behind a refusal`);
  } catch (error) {
    // Whose first byte comes too late gets no answer, and on a busy machine that may be any.
    const late = (connection.beganAfter ?? 0) > IMPATIENCE / 2;
    if (!(error instanceof Unanswered && (orNone || late))) throw error;
  }
}

/** By name; how often one is chosen among all. @type {Record<string, [weight: number, (scene: Scene) => Promise<void>]>} */
export const SESSIONS = {
  'keeps a connection': [
    12,
    async (scene) => {
      const { random } = scene;
      const connection = await openReady(scene, anyKind(random));
      await inTurn(scene, connection, [any(random), ...random.list(8, () => any(random))]);
      connection.leave();
    },
  ],
  'asks for one thing': [
    12,
    async (scene) => {
      const connection = await openReady(scene, anyKind(scene.random));
      await inTurn(scene, connection, [any(scene.random)]);
      connection.leave();
    },
  ],
  'comes through a proxy': [
    2,
    async (scene) => {
      const connection = await openReady(scene, scene.random.pick(['proxied', 'proxiedTls']));
      await inTurn(scene, connection, [who(CLIENT), hello(), who(CLIENT)]);
      connection.leave();
    },
  ],
  'pipelines the hello page': [
    6,
    async (scene) => {
      const connection = await openReady(scene, anyKind(scene.random));
      await pipelined(
        scene,
        connection,
        Array.from({ length: 100 }, () => hello()),
      );
      connection.leave();
    },
  ],
  'pipelines all kinds': [
    6,
    async (scene) => {
      const { random } = scene;
      const connection = await openReady(scene, anyKind(random));
      await pipelined(scene, connection, [safe(random), ...random.list(20, () => safe(random)), echo(random)]);
      connection.leave();
    },
  ],
  'half-closes behind its requests': [
    3,
    async (scene) => {
      const { random } = scene;
      const connection = await openReady(scene, random.pick(['plain', 'proxied']));
      const asked = pipelined(scene, connection, [safe(random), echo(random), safe(random)]);
      connection.socket.end();
      await asked;
      if ((await connection.rest()).length > 0) throw new Wrong('more answers than requests');
    },
  ],
  'reads slowly': [
    2,
    async (scene) => {
      const connection = await openReady(scene, anyKind(scene.random));
      connection.pace = 5 + scene.random.below(20);
      await inTurn(scene, connection, [scene.random.chance(2) ? content(scene.random, 600 * KIB) : file(scene.random)]);
      connection.leave();
    },
  ],
  'sends slowly': [
    2,
    async (scene) => {
      const connection = await openReady(scene, anyKind(scene.random));
      const ask = echo(scene.random);
      const piece = Math.ceil(ask.bytes.length / 20);
      for (let at = 0; at < ask.bytes.length; at += piece) {
        connection.send(ask.bytes.subarray(at, at + piece));
        await later(scene.random.below(40));
      }
      scene.got(ask, await connection.answer(ask.method));
      connection.leave();
    },
  ],
  'waits for 100 (Continue)': [
    1,
    async (scene) => {
      const connection = await openReady(scene, anyKind(scene.random));
      const ask = echo(scene.random);
      const end = ask.bytes.indexOf('\r\n\r\n') + 2;
      connection.send(Buffer.concat([ask.bytes.subarray(0, end), Buffer.from('Expect: 100-continue\r\n\r\n')]));
      const interim = await connection.answer('GET');
      // There is nothing to wait for where there is no content.
      if (interim.status !== 100) return connection.leave();
      connection.send(ask.bytes.subarray(end + 2));
      scene.got(ask, await connection.answer(ask.method));
      connection.leave();
    },
  ],

  // --- Those that do not behave ---

  'resets within a request': [
    3,
    async (scene) => {
      const connection = await openReady(scene, anyKind(scene.random));
      const { bytes } = any(scene.random);
      connection.send(bytes.subarray(0, 1 + scene.random.below(bytes.length)));
      await later(scene.random.below(30));
      connection.reset();
    },
  ],
  'resets within an answer': [
    4,
    async (scene) => {
      const { random } = scene;
      const connection = await openReady(scene, anyKind(random));
      for (const { bytes } of [safe(random), ...random.list(5, () => safe(random))]) connection.send(bytes);
      await Promise.race([connection.rest(), later(random.below(30))]);
      connection.reset();
    },
  ],
  'closes within an answer': [
    2,
    async (scene) => {
      const connection = await openReady(scene, anyKind(scene.random));
      connection.send(scene.random.chance(2) ? content(scene.random, 2000 * KIB).bytes : ENDLESS.bytes);
      await later(scene.random.below(30));
      connection.leave();
    },
  ],
  'sends garbage': [
    3,
    async (scene) => {
      const { random } = scene;
      const connection = await scene.open(random.pick(['plain', 'plain', 'proxied', 'tls']));
      connection.send(Buffer.from(`\x01${random.text('GET /\r\n:\0\xff{}', 500)}`, 'latin1'));
      await refused(scene, connection, 400);
      connection.leave();
    },
  ],
  'sends garbage behind a request': [
    2,
    async (scene) => {
      const connection = await openReady(scene, anyKind(scene.random));
      const first = hello();
      connection.send(Buffer.concat([first.bytes, Buffer.from(`GET / HTTP/1.1\r\n: ${scene.random.below(1000)}`)]));
      scene.got(first, await connection.answer(first.method));
      await refused(scene, connection, 400);
      connection.leave();
    },
  ],
  'mutates a request': [
    4,
    async (scene) => {
      const { random } = scene;
      const connection = await scene.open(random.pick(['plain', 'tls', 'proxied']));
      const bytes = Buffer.from(any(random).bytes.subarray(0, 2000));
      for (let count = 1 + random.below(4); count > 0; count--) bytes[random.below(bytes.length)] = random.below(256);
      connection.send(bytes);
      // Whatever it means: the server comes to an end with it.
      connection.socket.end();
      await connection.rest();
      connection.leave();
    },
  ],
  'sends no TLS where it should': [
    1,
    async (scene) => {
      const { random } = scene;
      const connection = await scene.open('untold', true);
      connection.send(random.pick(['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', '\0']));
      await Promise.race([connection.rest(), later(random.below(500))]);
      connection.reset();
    },
  ],
  'sends its head a byte at a time, until its time is up': [
    1,
    async (scene) => {
      const connection = await openReady(scene, anyKind(scene.random), true);
      const drip = setInterval(() => connection.send('x'), 100);
      connection.send('GET /');
      try {
        await refused(scene, connection, 408);
      } finally {
        clearInterval(drip);
      }
      connection.leave();
    },
  ],
  'says nothing': [
    1,
    async (scene) => {
      const connection = await openReady(scene, anyKind(scene.random), true);
      await refused(scene, connection, 408, true);
      connection.leave();
    },
  ],
  'stops within a body': [
    1,
    async (scene) => {
      const connection = await openReady(scene, anyKind(scene.random), true);
      const { bytes } = echo(scene.random);
      const end = bytes.indexOf('\r\n\r\n') + 4;
      if (bytes.length > end + 1) {
        connection.send(bytes.subarray(0, -1));
        await refused(scene, connection, 408);
      }
      connection.leave();
    },
  ],
  'reads nothing': [
    1,
    async (scene) => {
      const connection = await openReady(scene, anyKind(scene.random), true);
      for (let count = 0; count < 30; count++) connection.send('GET /files/large.bin HTTP/1.1\r\nHost: x\r\n\r\n');
      // Closed by the server, whose buffers are full; the client finds that out when it reads.
      await later(4000);
      connection.leave();
    },
  ],
};
