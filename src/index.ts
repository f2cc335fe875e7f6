/**
 * CPython's `wsgiref` in TypeScript, and a production server over a native engine.
 *
 * @module
 */

export * from './config.js';
export * from './fetch.js';
export * from './handlers.js';
export * from './headers.js';
export * from './mount.js';
export * from './server/index.js';
export * from './simple-server.js';
export * from './static/index.js';
export * from './types.js';
export * from './util.js';
export * from './validate.js';
