import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Compiles modules of src, with what they import, for programs that run in a process of their own.
 *
 * @param modules paths under src
 */
export function compile(directory: string, ...modules: string[]): void {
  const options =
    '--ignoreConfig --allowJs --module nodenext --target es2022 --types node --skipLibCheck --rootDir src';
  const sources = modules.map((module) => join('src', module));
  execFileSync(join(root, 'node_modules/.bin/tsc'), [...options.split(' '), '--outDir', directory, ...sources], {
    cwd: root,
  });
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
}
