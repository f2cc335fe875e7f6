/** The configuration that holds, as a file could have it, with where each value came from. */

import { resolve } from 'node:path';
import { inspect } from 'node:util';
import { HIDDEN } from './kinds.js';
import { configurationOf } from './read.js';
import { SETTINGS, type Setting, STATIC_SETTINGS } from './schema.js';
import { readSettings, type Settings, type Source } from './settings.js';
import { formatBind } from './values.js';

/** Characters before the column of comments, which longer lines leave. */
const WIDEST = 60;

/** One line of the text. */
interface Line {
  readonly code: string;
  readonly origin: string;
}

/**
 * Reads and checks a configuration, and describes what it comes to. What has no value and no default is left out, what is
 * secret is not shown, and paths are absolute.
 *
 * @returns the text of a module that could be `uwsgiref.config.js`
 * @throws ConfigurationError as `readConfiguration` does
 */
export async function printConfiguration(source: Source): Promise<string> {
  const settings = await readSettings(source);
  const { bind, chdir, served } = configurationOf(settings, source);
  const base = chdir ?? source.directory;
  const values = { ...settings.values, ...(chdir !== undefined && { chdir }) };
  const lines: Line[] = [];
  for (const [name, setting] of Object.entries(SETTINGS)) {
    if (['host', 'port', 'path'].includes(name)) continue;
    if (name === 'bind') lines.push({ code: `bind: ${show(bind.map(formatBind))}`, origin: originOfBind(settings) });
    else lines.push(...lineOf(name, setting, values, settings.origin(name), base));
  }
  if (served.kind === 'directory') {
    const nested = Object.entries(STATIC_SETTINGS).flatMap(([name, setting]) =>
      lineOf(name, setting, settings.files, settings.origin(`static.${name}`), base),
    );
    lines.push({ code: 'static: {', origin: '' }, ...nested.map(indented), { code: '}', origin: '' });
  }
  const head = served.kind === 'directory' ? `// uwsgiref static ${served.root}` : '// uwsgiref serve';
  return `${head}\nexport default {\n${aligned(lines.map(indented))}\n};\n`;
}

function lineOf(
  name: string,
  setting: Setting,
  values: Readonly<Record<string, unknown>>,
  origin: string | undefined,
  base: string,
): Line[] {
  const { kind, secret, path, default: fallback } = setting;
  const value = values[name];
  if (value === undefined) {
    return fallback === undefined ? [] : [{ code: `${name}: ${show(fallback)}`, origin: 'default' }];
  }
  const shown =
    kind.print !== undefined ? kind.print(value) : secret ? HIDDEN : path ? resolve(base, value as string) : value;
  return [{ code: `${name}: ${show(shown)}`, origin: origin! }];
}

function originOfBind(settings: Settings): string {
  const names = ['bind', 'host', 'port', 'path'] as const;
  const highest = Math.max(...names.map((name) => settings.rank(name)));
  const origins = names.filter((name) => settings.rank(name) === highest).map((name) => settings.origin(name));
  return [...new Set(origins)].map((origin) => origin ?? 'default').join(', ');
}

function show(value: unknown): string {
  return inspect(value, {
    breakLength: Number.POSITIVE_INFINITY,
    depth: null,
    maxArrayLength: null,
    maxStringLength: null,
  });
}

function indented({ code, origin }: Line): Line {
  return { code: `  ${code}`, origin };
}

function aligned(lines: readonly Line[]): string {
  const code = lines.map(({ code }) => (/[{]$/.test(code) ? code : `${code},`));
  const width = Math.min(WIDEST, Math.max(...code.map((each) => each.length)));
  return lines
    .map(({ origin }, index) => (origin === '' ? code[index] : `${code[index]!.padEnd(width)}  // ${origin}`))
    .join('\n');
}
