/** What an access log says of one request, whoever answered it. */

import type { Headers } from '../headers.js';
import type { Answer, Refusal } from '../server/index.js';
import type { Environ } from '../types.js';

/** One request and its answer. Texts that came from the client are as they came, a character a byte. */
export interface Entry {
  /** Milliseconds since 1970 when the answer was over. */
  readonly time: number;
  readonly address: string;
  readonly method: string;
  readonly target: string;
  readonly protocol: string;
  /** 0: there was no answer. */
  readonly status: number;
  /** Bytes of the answer's body. */
  readonly bytes: number;
  /** Milliseconds from the request's head to that of its answer, and to the answer's end. */
  readonly firstByte: number;
  readonly duration: number;
  /** The client left before the end, or the answer did not come to one. */
  readonly aborted: boolean;
  /** Why the engine refused the request; '' where an application had it. */
  readonly refusal: string;
  /** null for a refused request, whose fields nobody may believe. */
  readonly environ: Environ | null;
  /** Of the answer; null where there was none. */
  readonly headers: Headers | null;
}

export function entryOfAnswer(answer: Answer): Entry {
  const { time, environ, status, bytes, firstByte, duration } = answer;
  return {
    time,
    // Middleware may have put there what a client has sent.
    address: String(environ.REMOTE_ADDR || 'unix:'),
    method: environ.REQUEST_METHOD,
    target: environ.REQUEST_URI ?? '',
    protocol: environ.SERVER_PROTOCOL,
    status,
    bytes,
    firstByte,
    duration,
    aborted: !answer.complete,
    refusal: '',
    environ,
    headers: answer.headers,
  };
}

export function entryOfRefusal({ status, reason, requestLine, address }: Refusal, time: number): Entry {
  // A target that holds spaces may be why it was refused.
  const [, method = '', target = '', protocol = ''] = /^(\S*)(?: (.*?))?(?: (HTTP\/\S*))?$/s.exec(requestLine) ?? [];
  return {
    time,
    address: address || 'unix:',
    method,
    target,
    protocol,
    status,
    bytes: 0,
    firstByte: 0,
    duration: 0,
    aborted: false,
    refusal: reason,
    environ: null,
    headers: null,
  };
}

/** A variable of the environ; '' where there is none, or no text. */
export function variable({ environ }: Entry, name: string): string {
  const value = environ?.[name];
  return typeof value === 'string' ? value : '';
}

/** The variable that has a field of the request. */
export function variableOfField(name: string): string {
  const key = name.toUpperCase().replaceAll('-', '_');
  return key === 'CONTENT_TYPE' || key === 'CONTENT_LENGTH' ? key : `HTTP_${key}`;
}

/** The user of Basic authentication (RFC 7617), as Apache's %u; nobody has checked the password. */
export function userOf(entry: Entry): string {
  const { environ } = entry;
  if (environ === null) return '';
  if (typeof environ.REMOTE_USER === 'string') return environ.REMOTE_USER;
  const authorization = environ.HTTP_AUTHORIZATION;
  if (typeof authorization !== 'string') return '';
  const [, credentials] = /^basic +([a-z0-9+/=]+)$/i.exec(authorization) ?? [];
  return credentials === undefined
    ? ''
    : (Buffer.from(credentials, 'base64').toString('latin1').split(':', 1)[0] ?? '');
}
