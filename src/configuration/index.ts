/** The configuration of the command line's servers: a file, the environment and flags, by one schema. */

export type { ConfigurationFile } from './configuration-file.js';
export { ConfigurationError } from './errors.js';
export { printConfiguration } from './print.js';
export { type Configuration, readConfiguration, type Served } from './read.js';
export type { Source } from './settings.js';
export { type Bind, formatBind } from './values.js';
