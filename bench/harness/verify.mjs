/**
 * Before anything is measured, and after: every server gives the same answer to a scenario's requests, and keeps the connection.
 */
import { Agent, request } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { FailedRunError } from './load.mjs';
import { expectedBody } from './scenarios.mjs';
import { TLS_CIPHER } from './site.mjs';

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
 * @param {(path: string) => Buffer} readFile the contents of a file the servers offer
 * @returns {Promise<number>} the length of the first answer's head in bytes, as servers differ in what they add
 * @throws {FailedRunError} when an answer is not the expected one
 */
export async function verifyAnswers(server, scenario, readFile) {
  const lengths = [];
  for (const path of scenario.paths) {
    const { headLength, ...answer } = await fetchOnce(server, { ...scenario, path });
    const faults = answerFaults(answer, scenario, expectedBody(scenario, path, readFile), server.server.closes);
    if (faults.length > 0) throw new FailedRunError(faults.map((fault) => `${path}: ${fault}`));
    lengths.push(headLength);
  }
  return lengths[0] ?? 0;
}

/**
 * @param {Answer} answer
 * @param {Pick<import('./scenarios.mjs').Scenario, 'expected' | 'newConnections'>} scenario
 * @param {Buffer} body that is expected
 * @param {boolean} mayClose whether this server ends its connections
 * @returns {string[]} what is wrong with the answer
 */
export function answerFaults(answer, { expected, newConnections }, body, mayClose = false) {
  const faults = [];
  const { status, headers } = answer;
  if (status !== expected.status) faults.push(`status ${status} instead of ${expected.status}`);
  if (!answer.body.equals(body)) {
    faults.push(`a body of ${answer.body.length} bytes that is not the expected ${body.length} bytes`);
  }
  if (expected.framing === 'length' && headers['content-length'] !== String(body.length)) {
    faults.push(`Content-Length ${headers['content-length'] ?? 'missing'} instead of ${body.length}`);
  }
  if (expected.framing === 'chunked' && headers['transfer-encoding'] !== 'chunked') {
    faults.push(`Transfer-Encoding ${headers['transfer-encoding'] ?? 'missing'} instead of chunked`);
  }
  const { contentType } = expected;
  if (contentType !== undefined && !headers['content-type']?.startsWith(contentType)) {
    faults.push(`Content-Type ${headers['content-type'] ?? 'missing'} instead of ${contentType}`);
  }
  const closes = headers.connection?.toLowerCase() === 'close';
  if (closes && !newConnections && !mayClose) faults.push('the connection is not kept alive');
  if (!closes && newConnections) faults.push('the connection is kept alive, against the request');
  return faults;
}

/**
 * The scenario as this server is asked: where the question is whether a file has changed, by the ETag and date that the server
 * itself has given.
 *
 * @param {import('./server-process.mjs').ServerProcess} server
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @returns {Promise<import('./scenarios.mjs').Scenario>}
 * @throws {FailedRunError} when the server's answer has nothing to ask with
 */
export async function askedOf(server, scenario) {
  if (scenario.route !== 'conditional') return scenario;
  return { ...scenario, headers: await validators(server, scenario.paths[0] ?? '/') };
}

/**
 * What a browser that has a file asks with.
 *
 * @param {import('./server-process.mjs').ServerProcess} server
 * @param {string} path
 * @returns {Promise<Record<string, string>>}
 */
async function validators(server, path) {
  const { headers } = await fetchOnce(server, { path, method: 'GET', headers: {}, body: '' });
  const { etag, 'last-modified': date } = headers;
  if (etag === undefined) throw new FailedRunError([`${path} has no ETag`]);
  return { 'If-None-Match': etag, ...(date !== undefined && { 'If-Modified-Since': date }) };
}

/**
 * @param {import('./server-process.mjs').ServerProcess} server
 * @param {Pick<import('./scenarios.mjs').Scenario, 'method' | 'headers' | 'body'> & { path: string }} asked
 * @returns {Promise<Answer & { headLength: number }>}
 */
async function fetchOnce({ port, tls }, { path, method, headers, body }) {
  // An agent that keeps connections, so that it is the server alone who says that one is to be closed.
  const agent = tls
    ? new SecureAgent({ keepAlive: true, rejectUnauthorized: false, ciphers: TLS_CIPHER })
    : new Agent({ keepAlive: true });
  const options = { host: '127.0.0.1', port, path, method, headers, agent, timeout: TIMEOUT_MS };
  try {
    const response = await new Promise((resolve, reject) => {
      const outgoing = (tls ? secureRequest : request)(options, resolve);
      outgoing.once('error', reject);
      outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
      outgoing.end(body);
    });
    const received = await buffer(response);
    return { status: response.statusCode, headers: response.headers, body: received, headLength: headLength(response) };
  } finally {
    agent.destroy();
  }
}

/** @param {import('node:http').IncomingMessage} response */
function headLength({ httpVersion, statusCode, statusMessage, rawHeaders }) {
  const statusLine = `HTTP/${httpVersion} ${statusCode} ${statusMessage}\r\n`;
  // A field line is name, ": ", value, CR LF: four bytes for a name and value, two for each of them.
  return rawHeaders.reduce((length, text) => length + text.length + 2, statusLine.length + 2);
}
