/**
 * Gateways: what stands between a server and an application. {@link BaseHandler} is the life of every response,
 * whoever serves it; the others say where the bytes come from and go to.
 *
 * @module
 */

export { BaseHandler, ClientDisconnectedError } from './handlers/base.js';
export { BaseCGIHandler, CGIHandler, IISCGIHandler } from './handlers/cgi.js';
export { readEnviron } from './handlers/read-environ.js';
export { type OutputStream, SimpleHandler } from './handlers/simple.js';
