/**
 * Before anything is measured: every server gives the same answer to a scenario's request, and keeps the connection.
 */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { FailedRunError } from './load.mjs';

const TIMEOUT_MS = 10_000;

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {import('node:http').IncomingHttpHeaders} headers
 * @property {Buffer} body
 */

/**
 * @param {import('./server-process.mjs').ServerProcess} server
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @param {Buffer} expected
 * @returns {Promise<number>} the length of the answer's head in bytes, as servers differ in what they add
 * @throws {FailedRunError} when the answer is not the expected one
 */
export async function verifyAnswer(server, scenario, expected) {
  const { headLength, ...answer } = await fetchOnce(server.port, scenario);
  const faults = answerFaults(answer, scenario.contentType, expected);
  if (faults.length > 0) throw new FailedRunError(faults);
  return headLength;
}

/**
 * @param {Answer} answer
 * @param {string} contentType
 * @param {Buffer} expected
 * @returns {string[]} what is wrong with the answer
 */
export function answerFaults({ status, headers, body }, contentType, expected) {
  const faults = [];
  if (status !== 200) faults.push(`status ${status} instead of 200`);
  if (!body.equals(expected))
    faults.push(`a body of ${body.length} bytes that is not the expected ${expected.length} bytes`);
  if (headers['content-length'] !== String(expected.length)) {
    faults.push(`Content-Length ${headers['content-length'] ?? 'missing'} instead of ${expected.length}`);
  }
  if (!headers['content-type']?.startsWith(contentType)) {
    faults.push(`Content-Type ${headers['content-type'] ?? 'missing'} instead of ${contentType}`);
  }
  if (headers.connection === 'close') faults.push('the connection is not kept alive');
  return faults;
}

/**
 * @param {number} port
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @returns {Promise<Answer & { headLength: number }>}
 */
async function fetchOnce(port, { path, method, headers, body }) {
  const response = await new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers, timeout: TIMEOUT_MS }, resolve);
    outgoing.once('error', reject);
    outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    outgoing.end(body);
  });
  const received = Buffer.from(await text(response.setEncoding('latin1')), 'latin1');
  return { status: response.statusCode, headers: response.headers, body: received, headLength: headLength(response) };
}

/** @param {import('node:http').IncomingMessage} response */
function headLength({ httpVersion, statusCode, statusMessage, rawHeaders }) {
  const statusLine = `HTTP/${httpVersion} ${statusCode} ${statusMessage}\r\n`;
  // A field line is name, ": ", value, CR LF: four bytes for a name and value, two for each of them.
  return rawHeaders.reduce((length, text) => length + text.length + 2, statusLine.length + 2);
}
