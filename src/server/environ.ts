/** Builds the environ of PEP 3333 from what the engine hands over: one text, and a record of offsets into it. */

import { randomBytes } from 'node:crypto';
import { DescriptorInput, MemoryInput } from '../streams.js';
import type { Environ, ErrorStream, FileWrapperClass, InputStream } from '../types.js';
import { addClientCertificate } from './client-certificate.js';
import { believe, type ForwardedFields, type Network } from './forwarded.js';
import { setKnownField } from './known-fields.js';
import * as record from './request-record.js';

/** What all requests of one listener have in common. */
export interface EnvironDefaults {
  readonly serverName: string;
  readonly serverPort: string;
  readonly serverSoftware: string;
  readonly scheme: 'http' | 'https';
  /** Whether clients are asked for a certificate. */
  readonly asksForCertificate: boolean;
  readonly multiprocess: boolean;
  readonly errors: ErrorStream;
  readonly fileWrapper: FileWrapperClass;
  readonly forwardedFields: ForwardedFields;
  readonly network: Network;
}

const WSGI_VERSION = Object.freeze([1, 0] as [number, number]);
// An empty body has no position, so that one stream serves every request without a body.
const NO_BODY: InputStream = new MemoryInput();

/** Whoever sends the answer to a request. */
export interface Answerer {
  /** Aborted when the answer is no longer wanted. */
  readonly signal: AbortSignal;
  /** Has the answer leave at so many bytes a second at most. */
  pace(bytesPerSecond: number): void;
}

/**
 * The environ of a request. A class for the sake of its accessors, `uwsgiref.signal`, `uwsgiref.request_id` and
 * `uwsgiref.pace`, which make their value when it is asked for: a signal that is never looked at would cost more than the
 * rest of a small request. Everything else is an ordinary property. A copy by `{ ...environ }` is without these.
 */
export class RequestEnviron implements Environ {
  declare REQUEST_METHOD: string;
  declare REQUEST_URI: string;
  declare SCRIPT_NAME: string;
  declare PATH_INFO: string;
  declare QUERY_STRING: string;
  declare SERVER_NAME: string;
  declare SERVER_PORT: string;
  declare SERVER_PROTOCOL: string;
  declare SERVER_SOFTWARE: string;
  declare GATEWAY_INTERFACE: string;
  declare REMOTE_ADDR: string;
  declare REMOTE_PORT: string;
  declare HTTPS?: string;
  declare CONTENT_TYPE?: string;
  declare CONTENT_LENGTH?: string;
  declare 'wsgi.version': readonly [major: number, minor: number];
  declare 'wsgi.url_scheme': string;
  declare 'wsgi.input': InputStream;
  declare 'wsgi.errors': ErrorStream;
  declare 'wsgi.multithread': boolean;
  declare 'wsgi.multiprocess': boolean;
  declare 'wsgi.run_once': boolean;
  declare 'wsgi.input_terminated': boolean;
  declare 'wsgi.file_wrapper': FileWrapperClass;
  [key: string]: unknown;
  readonly #answerer: Answerer;
  #requestId: string | undefined;

  /**
   * Reads the request whose record begins at `start` of `places`.
   *
   * `PATH_INFO` is percent-decoded, one character a byte; `REQUEST_URI` is the request target as it came, as Apache and
   * uWSGI have it too, for those who must tell `%2F` from a slash. Repeated fields are joined as CPython's server joins
   * them, by a comma, with Cookie by "; " (RFC 6265 §5.4) and Content-Type the first. `CONTENT_LENGTH` is that of the
   * body that `wsgi.input` holds, whatever coding it came in.
   */
  constructor(
    answerer: Answerer,
    text: string,
    body: Buffer | undefined,
    places: Uint32Array,
    start: number,
    cgiKeys: readonly string[],
    defaults: EnvironDefaults,
  ) {
    const flags = places[start + record.FLAGS]!;
    const method = places[start + record.METHOD]!;
    const addressEnd = places[start + record.ADDRESS_END]!;
    this.REQUEST_METHOD =
      method === 0
        ? text.slice(places[start + record.METHOD_BEGIN]!, places[start + record.METHOD_END]!)
        : (record.METHODS[method] as string);
    this.REQUEST_URI = text.slice(places[start + record.TARGET_BEGIN]!, places[start + record.TARGET_END]!);
    this.SCRIPT_NAME = '';
    this.PATH_INFO = text.slice(places[start + record.PATH_BEGIN]!, places[start + record.PATH_END]!);
    this.QUERY_STRING = text.slice(places[start + record.QUERY_BEGIN]!, places[start + record.QUERY_END]!);
    this.SERVER_NAME = defaults.serverName;
    this.SERVER_PORT = defaults.serverPort;
    this.SERVER_PROTOCOL = flags & record.HTTP_1_1 ? 'HTTP/1.1' : 'HTTP/1.0';
    this.SERVER_SOFTWARE = defaults.serverSoftware;
    this.GATEWAY_INTERFACE = 'CGI/1.1';
    this.REMOTE_ADDR = text.slice(places[start + record.ADDRESS_BEGIN]!, addressEnd);
    this.REMOTE_PORT = text.slice(addressEnd, places[start + record.PORT_END]!);
    this['wsgi.version'] = WSGI_VERSION;
    this['wsgi.url_scheme'] = defaults.scheme;
    this['wsgi.input'] = NO_BODY;
    this['wsgi.errors'] = defaults.errors;
    this['wsgi.multithread'] = false;
    this['wsgi.multiprocess'] = defaults.multiprocess;
    this['wsgi.run_once'] = false;
    this['wsgi.input_terminated'] = true;
    this['wsgi.file_wrapper'] = defaults.fileWrapper;
    this.#answerer = answerer;
    if (defaults.scheme === 'https') {
      // PEP 3333 asks for what Apache's mod_ssl sets, "such as HTTPS=on", and CPython's guess_scheme() goes by it.
      this.HTTPS = 'on';
      if (defaults.asksForCertificate) {
        const portEnd = places[start + record.PORT_END]!;
        addClientCertificate(this, text.slice(portEnd, places[start + record.CERTIFICATE_END]!));
      }
    }
    addFields(this, text, places, start, cgiKeys);
    if (flags & record.FROM_TRUSTED_PROXY) believe(defaults.forwardedFields, this, defaults.network);
    if (flags & record.HAS_BODY) addBody(this, body, places, start);
  }

  /** Aborted when the client is gone before its answer was complete, or the answer did not begin in time. */
  get 'uwsgiref.signal'(): AbortSignal | undefined {
    // On the prototype itself there is none.
    return #answerer in this ? this.#answerer.signal : undefined;
  }

  /**
   * Tells the request from others, in logs: its X-Request-Id where that is up to 128 visible characters, else one that is
   * made.
   */
  get 'uwsgiref.request_id'(): string | undefined {
    if (!(#answerer in this)) return undefined;
    this.#requestId ??= requestIdOf(this);
    return this.#requestId;
  }

  /** Has the answer leave at so many bytes a second at most; 0: as fast as the client takes it. */
  get 'uwsgiref.pace'(): ((bytesPerSecond: number) => void) | undefined {
    if (!(#answerer in this)) return undefined;
    const answerer = this.#answerer;
    return (bytesPerSecond) => answerer.pace(bytesPerSecond);
  }

  set 'uwsgiref.request_id'(value: string) {
    this.#requestId = value;
  }
}

/** Neither ends a line, nor a quoted text. */
const SANE_ID = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;
/** Other processes count as well. */
const PROCESS_ID = randomBytes(6).toString('hex');
let idsMade = 0;
/** The ends of ids that begin alike: `toString(36)` of each number would cost a tenth of the log's line that it is for. */
const ID_ENDS = Array.from({ length: 36 ** 2 }, (_, number) => number.toString(36).padStart(2, '0'));
let idBegin = '';

function requestIdOf({ HTTP_X_REQUEST_ID: given }: Environ): string {
  if (typeof given === 'string' && SANE_ID.test(given)) return given;
  const place = idsMade % ID_ENDS.length;
  if (place === 0) idBegin = `${PROCESS_ID}-${(idsMade / ID_ENDS.length).toString(36)}`;
  idsMade++;
  return idBegin + ID_ENDS[place];
}

function addFields(
  environ: Environ,
  text: string,
  places: Uint32Array,
  start: number,
  cgiKeys: readonly string[],
): void {
  const fields = start + record.FIELDS;
  const fieldsEnd = fields + places[start + record.FIELD_COUNT]! * record.FIELD_PLACES;
  for (let at = fields; at < fieldsEnd; at += record.FIELD_PLACES) {
    const value = text.slice(places[at + record.FIELD_VALUE_BEGIN]!, places[at + record.FIELD_VALUE_END]!);
    const known = places[at + record.FIELD_KEY]!;
    if (known !== 0 && places[at + record.FIELD_REPEATS] === 0) setKnownField(environ, known, value);
    else if (known !== 0) join(environ, cgiKeys[known]!, value);
    else join(environ, text.slice(places[at + record.FIELD_KEY_BEGIN]!, places[at + record.FIELD_KEY_END]!), value);
  }

  // RFC 9112 §3.2.2: the authority of an absolute-form target stands above the Host field.
  const authority = places[start + record.AUTHORITY_BEGIN]!;
  if (authority !== places[start + record.AUTHORITY_END])
    environ.HTTP_HOST = text.slice(authority, places[start + record.AUTHORITY_END]!);
}

function join(environ: Environ, key: string, value: string): void {
  const earlier = environ[key];
  if (earlier === undefined) environ[key] = value;
  // Neither is a list. Equal lengths are one length (RFC 9112 §6.3), and the engine has refused others.
  else if (key !== 'CONTENT_LENGTH' && key !== 'CONTENT_TYPE')
    environ[key] = `${earlier}${key === 'HTTP_COOKIE' ? '; ' : ','}${value}`;
}

function addBody(environ: Environ, body: Buffer | undefined, places: Uint32Array, start: number): void {
  const length = places[start + record.BODY_SIZE_HIGH]! * 2 ** 32 + places[start + record.BODY_SIZE_LOW]!;
  environ.CONTENT_LENGTH = String(length);
  if (places[start + record.FLAGS]! & record.BODY_IN_FILE) {
    environ['wsgi.input'] = new DescriptorInput(places[start + record.BODY_FILE]!, { position: 0, length });
  } else if (body !== undefined) {
    environ['wsgi.input'] = new MemoryInput(body);
  }
}
