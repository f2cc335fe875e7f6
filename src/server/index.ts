/**
 * The production server: WSGI applications on the native engine.
 *
 * @module
 * @example
 * import { serve } from 'uwsgiref';
 *
 * const server = await serve((environ, startResponse) => {
 *   startResponse('200 OK', [['Content-Type', 'text/plain']]);
 *   return [`Hello, ${environ.REMOTE_ADDR}!\n`];
 * }, { port: 8000 });
 * console.log(server.url);
 */

export type { Failure } from './failures.js';
export type { ForwardedFields } from './forwarded.js';
export { type BoundSocket, bindSocket, ListenError } from './listening-socket.js';
export { type Address, EngineUnavailableError, type SocketOptions } from './native-addon.js';
export type { Answer, Refusal, ServerOptions } from './options.js';
export { type CloseOptions, type Server, type ServerStats, serve } from './server.js';
export { TlsError } from './tls-files.js';
export type { CertificateOptions, TlsOptions } from './tls-options.js';
