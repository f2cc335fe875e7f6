/** The process environment as a WSGI gateway hands it on. */

import { readFileSync } from 'node:fs';

const REQUEST_VARIABLES = new Set([
  'SCRIPT_NAME',
  'PATH_INFO',
  'QUERY_STRING',
  // Beside CPython's: Apache, lighttpd and others set it to the request target as it came.
  'REQUEST_URI',
  'REQUEST_METHOD',
  'AUTH_TYPE',
  'CONTENT_TYPE',
  'CONTENT_LENGTH',
  'HTTPS',
  'REMOTE_USER',
  'REMOTE_IDENT',
]);

/**
 * A copy of `process.env` in which the variables that come from the HTTP request hold their bytes one a character, as
 * PEP 3333 has them ("Unicode Issues"). Node decodes the environment as UTF-8; that is undone here.
 */
export function readEnviron(): Record<string, string> {
  const environ: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined) environ[name] = comesFromRequest(name) ? bytesOf(name, value).toString('latin1') : value;
  }
  return environ;
}

function comesFromRequest(name: string): boolean {
  return (
    REQUEST_VARIABLES.has(name) ||
    name.startsWith('HTTP_') ||
    name.startsWith('SSL_') ||
    (name.startsWith('REDIRECT_') && comesFromRequest(name.slice('REDIRECT_'.length)))
  );
}

function bytesOf(name: string, value: string): Buffer {
  return (value.includes('\uFFFD') ? originalBytes(name, value) : undefined) ?? Buffer.from(value, 'utf8');
}

// Bytes that are no UTF-8 came out of Node's decoding as U+FFFD and are lost, save on Linux, where the environment
// that the process was started with can be read again.
function originalBytes(name: string, value: string): Buffer | undefined {
  let block: Buffer;
  try {
    block = readFileSync('/proc/self/environ');
  } catch {
    return undefined;
  }
  const prefix = Buffer.from(`${name}=`);
  for (let start = 0; start < block.length; ) {
    const nul = block.indexOf(0, start);
    const end = nul < 0 ? block.length : nul;
    const entry = block.subarray(start, end);
    const original = entry.subarray(prefix.length);
    // A different decoding means that the variable was set anew since.
    if (entry.subarray(0, prefix.length).equals(prefix) && original.toString() === value) return original;
    start = end + 1;
  }
  return undefined;
}
