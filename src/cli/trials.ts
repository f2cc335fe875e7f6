/** The requests by which `uwsgiref check` tries an application, and what their answers must be like. */

import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';

/** A request of a trial, which may depend on the answers of those before it. */
export interface Trial {
  readonly name: string;
  readonly method: string;
  readonly target: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
  /** What is wrong with the answer, though every rule of WSGI was kept. */
  judge?(answer: Reply): string | undefined;
}

export interface Reply {
  readonly status: number;
  readonly reason: string;
  readonly headers: IncomingHttpHeaders;
  /** Bytes of the body. */
  readonly length: number;
  /** The connection broke off before the answer was whole. */
  readonly broken: boolean;
}

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };

/** @param path what to ask for, as a request target has it */
export function trialsOf(path: string): Array<(answers: readonly Reply[]) => Trial> {
  const query = `${path}${path.includes('?') ? '&' : '?'}name=value&encoded=%C3%A9%20%26&name=again`;
  const missing = `${path.split('?', 1)[0]!.replace(/\/$/, '')}/no/such/p%C3%A1th`;
  return [
    () => ({ name: `GET ${path}`, method: 'GET', target: path }),
    ([plain]) => ({ name: `HEAD ${path}`, method: 'HEAD', target: path, judge: (answer) => judgeHead(answer, plain!) }),
    () => ({ name: `GET ${query}`, method: 'GET', target: query }),
    () => ({ name: `POST ${path}, a form`, method: 'POST', target: path, headers: FORM, body: 'name=value' }),
    () => ({
      name: `POST ${path}, chunked`,
      method: 'POST',
      target: path,
      headers: { 'Content-Type': 'application/octet-stream', 'Transfer-Encoding': 'chunked' },
      body: 'bytes\0\xff',
    }),
    () => ({ name: `GET ${missing}`, method: 'GET', target: missing }),
    () => ({
      name: `GET ${path}, its first byte`,
      method: 'GET',
      target: path,
      headers: { Range: 'bytes=0-0' },
      judge: judgeRange,
    }),
    ([plain]) => ({
      name: `GET ${path}, if it has changed`,
      method: 'GET',
      target: path,
      headers: conditionOf(plain!),
    }),
    () => ({ name: `OPTIONS ${path}`, method: 'OPTIONS', target: path }),
  ];
}

/** RFC 9110 §9.3.2: HEAD is answered as GET would be, without the content. */
function judgeHead({ status, headers }: Reply, plain: Reply): string | undefined {
  if (status !== plain.status && status !== 405) {
    return `HEAD is to be answered as GET, which had ${plain.status} (RFC 9110 §9.3.2)`;
  }
  const [own, other] = [headers['content-length'], plain.headers['content-length']];
  if (own === undefined || other === undefined || own === other) return undefined;
  return `Content-Length is ${own} for HEAD and ${other} for GET (RFC 9110 §8.6)`;
}

/** RFC 9110 §15.3.7: whoever sends a part says which. */
function judgeRange({ status, headers, length }: Reply): string | undefined {
  if (status !== 206) return undefined;
  if (headers['content-range'] === undefined) return '206 without Content-Range (RFC 9110 §15.3.7.1)';
  return length === 1 ? undefined : `206 for one byte, with a body of ${length} bytes (RFC 9110 §14.2)`;
}

function conditionOf({ headers }: Reply): OutgoingHttpHeaders {
  if (headers.etag !== undefined) return { 'If-None-Match': headers.etag };
  return { 'If-Modified-Since': headers['last-modified'] ?? new Date().toUTCString() };
}

/** Sends one request on a connection of its own, and takes the answer to its end, whole or not. */
export function send(trial: Trial, port: number): Promise<Reply> {
  const { method, target: path, body } = trial;
  return new Promise((resolve) => {
    const outgoing = request({ host: '127.0.0.1', port, method, path, agent: false, headers: headersOf(trial) });
    outgoing.on('error', () => resolve({ status: 0, reason: '', headers: {}, length: 0, broken: true }));
    outgoing.on('response', (incoming) => {
      const { statusCode: status = 0, statusMessage: reason = '', headers } = incoming;
      let length = 0;
      incoming.on('data', (bytes: Buffer) => {
        length += bytes.length;
      });
      incoming.on('error', () => {});
      incoming.on('close', () => resolve({ status, reason, headers, length, broken: !incoming.complete }));
    });
    outgoing.end(body, 'latin1');
  });
}

function headersOf({ headers = {}, body }: Trial): OutgoingHttpHeaders {
  const framed = body === undefined || 'Transfer-Encoding' in headers;
  return { Accept: '*/*', ...(framed ? {} : { 'Content-Length': body.length }), ...headers };
}
