/**
 * For `uwsgiref.config.ts`, so that an editor knows what it may hold.
 *
 * @module
 * @example
 * import { defineConfig } from 'uwsgiref/config';
 *
 * export default defineConfig({ app: './app.ts:app', bind: '0.0.0.0:8000', workers: 'auto' });
 */

import type { ConfigurationFile } from './configuration/configuration-file.js';

export type { ConfigurationFile };

/** Answers what it is given. It is checked when the server starts, along with variables and flags. */
export function defineConfig(configuration: ConfigurationFile): ConfigurationFile {
  return configuration;
}
