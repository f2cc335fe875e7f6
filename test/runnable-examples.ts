import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformWithEsbuild } from 'vite';
import { compiledPackage } from './server/fixtures/compiled-package.js';

const folder = fileURLToPath(new URL('../examples', import.meta.url));

/** The texts of the examples, by file name. */
export const EXAMPLES: ReadonlyMap<string, string> = new Map(
  readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
);

const NODE_RUNS_TYPESCRIPT = Boolean((process.features as { typescript?: unknown }).typescript);

/** The file that this Node can run of an example. */
export function runnable(name: string): string {
  return NODE_RUNS_TYPESCRIPT ? name : name.replace(/\.ts$/, '.js');
}

/**
 * The package as it is installed, with the examples in it, as {@link compiledPackage} makes it: call it at a test
 * file's top level.
 *
 * @returns the folder of the examples, and the command line's program
 */
export async function runnableExamples(): Promise<{ folder: string; cli: string }> {
  const root = compiledPackage();
  const examples = join(root, 'examples');
  mkdirSync(examples);
  for (const [name, source] of EXAMPLES) {
    const { code } = await transformWithEsbuild(source, name, { sourcemap: false, target: 'es2022' });
    writeFileSync(join(examples, `${basename(name, '.ts')}.js`), code);
    writeFileSync(join(examples, name), source);
  }
  return { folder: examples, cli: join(root, 'dist/cli/main.js') };
}
