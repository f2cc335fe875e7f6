/** A client's connection in a soak: it sends what it is told to, and reads answers one by one, strictly. */

import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** @typedef {{ plain: number, tls: number, proxied: number, proxiedTls: number }} Ports */
/** @typedef {keyof Ports} Kind */

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {Map<string, string>} fields names in lower case
 * @property {Buffer} body as far as it came
 * @property {boolean} whole
 */

/** Where the connection ended before the first byte of an answer. */
export class Unanswered extends Error {}
/** What no server may say. */
export class Wrong extends Error {}

const WITHOUT_BODY = new Set([204, 304]);
/** Bytes of a line. */
const LONGEST_LINE = 16 * 1024;

export class Connection {
  /** @type {import('node:net').Socket} */
  socket;
  /** Milliseconds before each piece of an answer is read, of at most 8 KiB; undefined: as fast as they come. @type {number | undefined} */
  pace;
  /** Milliseconds from connecting to the first byte of a request; undefined: there is none yet. @type {number | undefined} */
  beganAfter;
  #begun;
  /** Received and not consumed. */
  #received = Buffer.alloc(0);
  #over = false;
  #wake = () => {};

  /**
   * @param {import('node:net').Socket} socket
   * @param {number} [begun] when it began to connect, by performance.now()
   */
  constructor(socket, begun = performance.now()) {
    this.socket = socket;
    this.#begun = begun;
    const over = () => {
      this.#over = true;
      this.#wake();
    };
    socket.on('readable', () => this.#wake());
    socket.on('end', over);
    socket.on('error', over);
    socket.on('close', over);
  }

  /**
   * @param {Ports} ports
   * @param {Kind} kind
   * @param {string} [proxyHeader] to be sent first
   * @returns {Promise<Connection>}
   * @throws Unanswered where there is no connection to be had
   */
  static async open(ports, kind, proxyHeader = '') {
    const begun = performance.now();
    const socket = connect({ host: '127.0.0.1', port: ports[kind], allowHalfOpen: true, noDelay: true });
    try {
      await once(socket, 'connect');
      socket.write(Buffer.from(proxyHeader, 'latin1'));
      if (kind === 'plain' || kind === 'proxied') return new Connection(socket, begun);
      const secure = connectTls({ socket, rejectUnauthorized: false });
      await once(secure, 'secureConnect');
      return new Connection(secure, begun);
    } catch {
      socket.destroy();
      throw new Unanswered('not connected');
    }
  }

  /** @param {string | Buffer} bytes */
  send(bytes) {
    this.beganAfter ??= performance.now() - this.#begun;
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /**
   * @param {string} method of the request
   * @returns {Promise<Answer>}
   * @throws Unanswered
   * @throws Wrong
   */
  async answer(method) {
    const statusLine = await this.#line();
    if (statusLine === null) throw new Unanswered('no answer');
    const match = /^HTTP\/1\.1 ([1-5]\d\d) [\t\x20-\x7e]*$/.exec(statusLine);
    if (match === null) throw new Wrong(`status line ${JSON.stringify(statusLine)}`);
    const status = Number(match[1]);
    /** @type {Map<string, string>} */
    const fields = new Map();
    /** @param {Buffer[]} body @param {boolean} whole @returns {Answer} */
    const answer = (body, whole) => ({ status, fields, body: Buffer.concat(body), whole });
    for (let line = await this.#line(); line !== ''; line = await this.#line()) {
      if (line === null) return answer([], false);
      const [, name, value] = /^([\w!#$%&'*+.^`|~-]+): ?(.*)$/.exec(line) ?? [];
      if (name === undefined || value === undefined) throw new Wrong(`field line ${JSON.stringify(line)}`);
      fields.set(name.toLowerCase(), value);
    }
    if (status === 100 || method === 'HEAD' || WITHOUT_BODY.has(status)) return answer([], true);

    /** @type {Buffer[]} */
    const body = [];
    const length = fields.get('content-length');
    if (!fields.has('transfer-encoding')) {
      const size = length === undefined ? Number.POSITIVE_INFINITY : Number(length);
      const came = await this.#take(size, body);
      return answer(body, length === undefined || came === size);
    }
    if (length !== undefined) throw new Wrong('both framings');
    for (;;) {
      const line = await this.#line();
      if (line === null) return answer(body, false);
      if (!/^[0-9a-f]{1,16}$/.test(line)) throw new Wrong(`chunk size ${JSON.stringify(line)}`);
      const size = Number.parseInt(line, 16);
      if ((await this.#take(size, body)) < size) return answer(body, false);
      const end = await this.#line();
      if (end === null) return answer(body, false);
      if (end !== '') throw new Wrong('a chunk does not end with CR LF');
      if (size === 0) return answer(body, true);
    }
  }

  /** @returns {Promise<Buffer>} all that comes up to the end */
  async rest() {
    /** @type {Buffer[]} */
    const pieces = [];
    await this.#take(Number.POSITIVE_INFINITY, pieces);
    return Buffer.concat(pieces);
  }

  /** Leaves, as a client that has what it wants. */
  leave() {
    this.socket.destroy();
  }

  /** Leaves with RST. */
  reset() {
    // Of TLS it is the socket beneath that can be reset.
    if ('encrypted' in this.socket) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  /** @returns {Promise<string | null>} the next line, without its end; null where there is none */
  async #line() {
    for (;;) {
      const end = this.#received.indexOf('\r\n');
      if (end >= 0) {
        const line = this.#received.toString('latin1', 0, end);
        this.#received = this.#received.subarray(end + 2);
        return line;
      }
      if (this.#received.length > LONGEST_LINE) throw new Wrong('a line without an end');
      if (!(await this.#receive())) return null;
    }
  }

  /**
   * @param {number} size
   * @param {Buffer[]} pieces
   * @returns {Promise<number>} bytes that came
   */
  async #take(size, pieces) {
    let came = 0;
    for (;;) {
      const piece = this.#received.subarray(0, size - came);
      this.#received = this.#received.subarray(piece.length);
      if (piece.length > 0) pieces.push(piece);
      came += piece.length;
      if (came === size || !(await this.#receive())) return came;
    }
  }

  /** @returns {Promise<boolean>} whether more has come */
  async #receive() {
    if (this.pace !== undefined) await new Promise((resolve) => setTimeout(resolve, this.pace));
    for (;;) {
      const { readableLength } = this.socket;
      const most = this.pace === undefined ? readableLength : Math.min(readableLength, 8192);
      const piece = readableLength > 0 ? /** @type {Buffer | null} */ (this.socket.read(most)) : this.socket.read();
      if (piece !== null) {
        this.#received = this.#received.length === 0 ? piece : Buffer.concat([this.#received, piece]);
        return true;
      }
      if (this.#over) return false;
      await new Promise((resolve) => {
        this.#wake = () => resolve(undefined);
      });
    }
  }
}
