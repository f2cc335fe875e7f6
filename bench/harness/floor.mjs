/**
 * The floor server, forty lines of epoll in C that parse nothing: what the load generator can do at most is measured against it.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installed, ROOT } from './servers.mjs';

const SOURCE = join(ROOT, 'bench', 'servers', 'floor.c');

/**
 * @param {number} bodyLength bytes of its answers' bodies
 * @param {boolean} closes each connection with its answer
 * @returns {import('./servers.mjs').Server}
 */
export function floorServer(bodyLength, closes) {
  return {
    name: 'floor',
    about: 'constant bytes from an epoll loop in C: the ceiling of the load generator, not a server',
    routes: ['hello'],
    tls: false,
    missing: () => (installed('cc', '--version') ? null : 'no C compiler (cc)'),
    version: () => 'bench/servers/floor.c',
    command: ({ site, port }) => [compile(site), String(port), String(bodyLength), closes ? 'close' : 'keep'],
  };
}

/** @param {import('./site.mjs').Site} site */
function compile({ scratch }) {
  const binary = join(scratch, 'floor');
  if (!existsSync(binary)) execFileSync('cc', ['-O2', '-D_GNU_SOURCE', '-o', binary, SOURCE], { stdio: 'inherit' });
  return binary;
}
