/**
 * An entry of the access log as an object of JSON. It is put together by hand, since JSON.stringify() of an object costs
 * several times as much, and of few pieces: what many lines have in common is made once.
 */

import { type Entry, userOf } from './entry.js';
import { quotedInJson } from './escape.js';

export function json(entry: Entry): string {
  const { time, address, method, target, protocol, status, bytes, firstByte, duration, environ, refusal } = entry;
  let line =
    begin(time) +
    addressMember(address) +
    methodMember(method) +
    quotedInJson(target) +
    answerBegin(protocol, status) +
    bytes +
    FIRST_BYTE +
    milliseconds(firstByte) +
    DURATION +
    milliseconds(duration);
  if (environ !== null) {
    const { HTTP_HOST: host, HTTP_REFERER: referer, HTTP_USER_AGENT: agent, 'uwsgiref.request_id': id } = environ;
    const user = userOf(entry);
    if (isText(host)) line += hostMember(host);
    if (user !== '') line += `,"user":"${quotedInJson(user)}"`;
    if (isText(referer)) line += `,"referer":"${quotedInJson(referer)}"`;
    if (isText(agent)) line += agentMember(agent);
    if (isText(id)) line += `,"requestId":"${quotedInJson(id)}"`;
  }
  if (entry.aborted) line += ',"aborted":true';
  if (refusal !== '') line += `,"refused":"${quotedInJson(refusal)}"`;
  return `${line}}`;
}

const FIRST_BYTE = ',"firstByteMs":';
const DURATION = ',"durationMs":';

/** Middleware may have put anything there. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** A member whose value is often that of the line before. */
function memberOf(name: string, end = '"'): (value: string) => string {
  let last: string | undefined;
  let member = '';
  return (value) => {
    if (value !== last) {
      last = value;
      member = `,"${name}":"${quotedInJson(value)}${end}`;
    }
    return member;
  };
}

const addressMember = memberOf('address');
const methodMember = memberOf('method', '","target":"');
const hostMember = memberOf('host');
const agentMember = memberOf('agent');

/** What stands between the target and the bytes, by protocol and status. */
const ANSWER_BEGINS = new Map<string, string[]>([
  ['HTTP/1.1', []],
  ['HTTP/1.0', []],
]);

function answerBegin(protocol: string, status: number): string {
  const begins = ANSWER_BEGINS.get(protocol) ?? [];
  begins[status] ??= inOnePiece(`","protocol":"${quotedInJson(protocol)}","status":${status},"bytes":`);
  return begins[status];
}

/** V8 keeps what was put together as its parts, and would go through them again for each line. */
function inOnePiece(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

const THREE_DIGITS = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0'));

/** To a microsecond. Of whole numbers, since that of a fraction costs more than all the rest. */
function milliseconds(exact: number): string {
  const all = Math.round(exact * 1000);
  const whole = Math.floor(all / 1000);
  return `${whole}.${THREE_DIGITS[all - whole * 1000]}`;
}

let beginTime = -1;
let beginText = '';

/** With the time as RFC 3339 has it, in UTC. */
function begin(time: number): string {
  if (time !== beginTime) {
    beginTime = time;
    beginText = inOnePiece(`{"time":"${new Date(time).toISOString()}"`);
  }
  return beginText;
}
