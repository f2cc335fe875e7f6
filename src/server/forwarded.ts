/**
 * What trusted proxies say of the client they speak for: by X-Forwarded-For and its like, or by Forwarded (RFC 7239).
 *
 * Each proxy adds the address that it was spoken to from, so that the list is believed from its end backwards: its
 * last address is the word of the trusted proxy that sent the request, the one before it that of the proxy at the last
 * address, if that one is trusted too, and so on. What stands before an address that is not trusted, anybody may have
 * written.
 */

import type { Environ } from '../types.js';

export const FORWARDED_FIELDS = ['x-forwarded', 'forwarded'] as const;

/** Which fields are believed: X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host, or Forwarded. */
export type ForwardedFields = (typeof FORWARDED_FIELDS)[number];

/** What the engine knows of addresses and hosts. */
export interface Network {
  /** 1 where the text is the address of a trusted proxy, 0 where of another, -1 where of none. */
  trusts(text: string): number;
  /** The address as the environ has it; '' where the text is none. */
  addressText(text: string): string;
  /** Whether a Host field could have that value. */
  isHost(text: string): boolean;
}

/**
 * Has the environ of a request that came from a trusted proxy name its client (`REMOTE_ADDR` and `REMOTE_PORT`) and say
 * what that one asked for (`wsgi.url_scheme` and `HTTP_HOST`). What is absent or malformed changes nothing.
 */
export function believe(fields: ForwardedFields, environ: Environ, network: Network): void {
  if (fields === 'forwarded') believeForwarded(environ, network);
  else believeXForwarded(environ, network);
}

function believeXForwarded(environ: Environ, network: Network): void {
  const { HTTP_X_FORWARDED_FOR: nodes, HTTP_X_FORWARDED_PROTO: proto, HTTP_X_FORWARDED_HOST: host } = environ;
  if (typeof nodes === 'string') {
    setClient(environ, network, walkBack(listMembers(nodes).map(withBrackets), network).client);
  }
  // A proxy sets these rather than to add to them; in a list, the last is what the trusted one has written.
  if (typeof proto === 'string') setScheme(environ, listMembers(proto).at(-1));
  if (typeof host === 'string') setHost(environ, network, listMembers(host).at(-1));
}

function believeForwarded(environ: Environ, network: Network): void {
  if (typeof environ.HTTP_FORWARDED !== 'string') return;
  const elements = parseForwarded(environ.HTTP_FORWARDED);
  if (elements === null) return;
  const nodes = elements.map((element) => element.for ?? 'unknown');
  const { client, last } = walkBack(nodes, network);
  setClient(environ, network, client);
  setScheme(environ, elements[last]?.proto);
  setHost(environ, network, elements[last]?.host);
}

/** A client or a proxy. The port is '' where nobody says it. */
interface Node {
  readonly address: string;
  readonly port: string;
}

// node = nodename [ ":" node-port ], nodename = IPv4address / "[" IPv6address "]" / "unknown" / obfnode (RFC 7239 §6)
const NODE = /^(?:\[([^\]]*)\]|([^:]*))(?::(?:(\d{1,5})|_[\w.-]+))?$/;

/** Goes from the last node back to one that is not trusted, or that is no address; `last` is the index of that one. */
function walkBack(nodes: readonly string[], network: Network): { client: Node | undefined; last: number } {
  let client: Node | undefined;
  for (let last = nodes.length - 1; last >= 0; last--) {
    const match = NODE.exec(nodes[last]!);
    if (match === null) return { client, last };
    const [, literal, name = '', port = ''] = match;
    const address = literal ?? name;
    const trusted = network.trusts(address);
    if (trusted < 0 || address.includes(':') !== (literal !== undefined) || Number(port) > 65_535)
      return { client, last };
    client = { address, port };
    if (trusted === 0) return { client, last };
  }
  return { client, last: 0 };
}

/** X-Forwarded-For has no grammar of its own, and an IPv6 address comes with brackets or without. */
function withBrackets(node: string): string {
  const severalColons = node.indexOf(':') !== node.lastIndexOf(':');
  return severalColons && !node.startsWith('[') ? `[${node}]` : node;
}

function setClient(environ: Environ, network: Network, client: Node | undefined): void {
  if (client === undefined) return;
  const { address, port } = client;
  // An IPv4 address has one spelling.
  environ.REMOTE_ADDR = address.includes(':') ? network.addressText(address) : address;
  // The proxy's own port beside the client's address would name nobody.
  environ.REMOTE_PORT = port;
}

function setScheme(environ: Environ, scheme = ''): void {
  const lower = scheme.toLowerCase();
  if (lower === 'http' || lower === 'https') environ['wsgi.url_scheme'] = lower;
}

function setHost(environ: Environ, network: Network, host = ''): void {
  if (host !== '' && network.isHost(host)) environ.HTTP_HOST = host;
}

/** The members of a comma-separated list, without the empty ones (RFC 9110 §5.6.1); a value that is no list, as it is. */
function listMembers(value: string): string[] {
  if (!value.includes(',')) return [value];
  return value
    .split(',')
    .map(trimWhiteSpace)
    .filter((member) => member !== '');
}

// By a regular expression, a long run of spaces within the text would take quadratic time.
function trimWhiteSpace(text: string): string {
  const isWhiteSpace = (character: string | undefined) => character === ' ' || character === '\t';
  let begin = 0;
  let end = text.length;
  while (begin < end && isWhiteSpace(text[begin])) begin++;
  while (end > begin && isWhiteSpace(text[end - 1])) end--;
  return text.slice(begin, end);
}

/** What one proxy says, as far as it is of use here. */
type ForwardedElement = { [parameter in (typeof PARAMETERS)[number]]?: string };
const PARAMETERS = ['for', 'proto', 'host'] as const;

// forwarded-pair = token "=" ( token / quoted-string ) (RFC 7239 §4, RFC 9110 §5.6.4)
const PAIR = /([!#$%&'*+.^_`|~\w-]+)=(?:([!#$%&'*+.^_`|~\w-]+)|"((?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*)")/y;
const SEPARATOR = /[ \t]*([,;]|$)[ \t]*/y;

/**
 * Forwarded = 1#forwarded-element, forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] ) (RFC 7239 §4);
 * white space around the semicolon passes, as in other fields with parameters (RFC 9110 §5.6.6).
 *
 * @returns null where the value is malformed: then nobody can tell which proxy wrote what
 */
function parseForwarded(value: string): ForwardedElement[] | null {
  const elements: ForwardedElement[] = [];
  let element: ForwardedElement | undefined;
  for (let at = 0; ; at = SEPARATOR.lastIndex) {
    PAIR.lastIndex = at;
    const pair = PAIR.exec(value);
    if (pair !== null) {
      const [, name = '', token, quoted = ''] = pair;
      element ??= {};
      const parameter = PARAMETERS.find((each) => each === name.toLowerCase());
      if (parameter !== undefined) {
        if (element[parameter] !== undefined) return null;
        element[parameter] = token ?? quoted.replace(/\\(.)/g, '$1');
      }
    }
    SEPARATOR.lastIndex = pair === null ? at : PAIR.lastIndex;
    const [, separator] = SEPARATOR.exec(value) ?? [];
    if (separator === undefined) return null;
    if (separator === ';') continue;
    if (element !== undefined) elements.push(element);
    element = undefined;
    if (separator === '') return elements;
  }
}
