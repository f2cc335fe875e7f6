/**
 * What follows from the table of settings: a JSON schema, a type for configuration files, and the tables of
 * docs/configuration.md. `npm run document` writes them, and a test compares.
 */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { GROUPS, SETTINGS, type Setting, STATIC_SETTINGS } from '../src/configuration/schema.js';

type Table = Readonly<Record<string, Setting>>;

/** The documents, by their paths in the repository. */
export function configurationDocuments(): Record<string, string> {
  return {
    'uwsgiref.schema.json': jsonSchema(),
    'src/configuration/configuration-file.ts': typeOfFile(),
    'docs/configuration.md': handbook(),
  };
}

/** In words. */
function defaultOf({ default: value, otherwise }: Setting, quote: (text: string) => string): string {
  return otherwise ?? quote(typeof value === 'string' ? value : JSON.stringify(value));
}

// --- JSON schema -----------------------------------------------------------------------------------------------------

function jsonSchema(): string {
  const files = z.strictObject(described(STATIC_SETTINGS)).optional().meta({ description: 'How to serve files' });
  const all = z.strictObject({ $schema: z.string().optional(), ...described(SETTINGS), static: files });
  const { $schema, ...schema } = z.toJSONSchema(all, { io: 'input' });
  return `${JSON.stringify({ $schema, title: 'Configuration of uwsgiref', ...schema }, null, 2)}\n`;
}

function described(table: Table): Record<string, z.ZodType> {
  return Object.fromEntries(
    Object.entries(table).map(([name, setting]) => {
      const description = `${sentence(setting)}. Default: ${defaultOf(setting, (text) => text)}`;
      return [name, setting.kind.schema.optional().meta({ description })];
    }),
  );
}

function sentence({ description }: Setting): string {
  return description.replace(/^[a-z]/, (letter) => letter.toUpperCase());
}

// --- Type ------------------------------------------------------------------------------------------------------------

function typeOfFile(): string {
  return `/** The type of configuration files. Made from the table of settings by \`npm run document\`. */

/** Where to listen, as in '127.0.0.1:8000', '[::1]:8000', ':8000', 'unix:/run/app.sock?mode=660' or 'fd:3'. */
export type Place =
  | string
  | { host: string; port: number }
  | { path: string; mode?: string | undefined }
  | { fd: number };

export interface CertificateFiles {
  key: string;
  cert: string;
  passphrase?: string | undefined;
  ciphers?: string | undefined;
}

/** What \`uwsgiref.config.ts\` and its like export. */
export interface ConfigurationFile {
${properties(SETTINGS)}
  /** How to serve files. */
  static?: StaticSettings;
}

/** What a directory is served by. */
export interface StaticSettings {
${properties(STATIC_SETTINGS)}
}
`;
}

function properties(table: Table): string {
  const each = Object.entries(table).map(([name, setting]) => {
    const text = `${sentence(setting)}. Default: ${defaultOf(setting, (value) => value)}.`;
    const type = setting.kind.type ?? typeOf(z.toJSONSchema(setting.kind.schema, { io: 'input' }));
    return `${comment(text)}\n  ${name}?: ${type};`;
  });
  return each.join('\n');
}

/** On one line where it fits, else one of 120 characters at most behind the other. */
function comment(text: string): string {
  const whole = `  /** ${text} */`;
  if (whole.length <= 120) return whole;
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = `${lines.at(-1)} ${word}`;
    if (`   *${line}`.length > 120) lines.push(` ${word}`);
    else lines[lines.length - 1] = line;
  }
  return ['  /**', ...lines.map((line) => `   *${line}`), '   */'].join('\n');
}

/** Of a value that a schema takes. */
function typeOf(schema: z.core.JSONSchema.BaseSchema): string {
  const { type, anyOf, items, additionalProperties } = schema;
  if (schema.enum !== undefined) return schema.enum.map((each) => `'${each}'`).join(' | ');
  if (schema.const !== undefined) return `'${schema.const}'`;
  if (anyOf !== undefined) return anyOf.map((each) => typeOf(each as z.core.JSONSchema.BaseSchema)).join(' | ');
  if (Array.isArray(type)) return type.join(' | ');
  if (type === 'integer') return 'number';
  if (type === 'array') {
    const each = typeOf(items as z.core.JSONSchema.BaseSchema);
    return each.includes(' ') ? `(${each})[]` : `${each}[]`;
  }
  if (type === 'object') return `Record<string, ${typeOf(additionalProperties as z.core.JSONSchema.BaseSchema)}>`;
  if (type === undefined) throw new Error(`No type for ${JSON.stringify(schema)}; give the kind of the setting one`);
  return type;
}

// --- Handbook --------------------------------------------------------------------------------------------------------

const HANDBOOK = fileURLToPath(new URL('../docs/configuration.md', import.meta.url));

/** The document as it is, with its tables made anew. */
function handbook(): string {
  const settings = [...entriesOf(SETTINGS, ''), ...entriesOf(STATIC_SETTINGS, 'static.')];
  const tables = GROUPS.map((group) => {
    const rows = settings.filter(([, setting]) => setting.group === group).map(rowOf);
    return `### ${group}\n\n| setting | takes | default | |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  const between = `<!-- settings -->\n${tables.join('\n')}<!-- /settings -->`;
  return readFileSync(HANDBOOK, 'utf8').replace(/<!-- settings -->.*<!-- \/settings -->/s, () => between);
}

function entriesOf(table: Table, prefix: string): Array<[name: string, setting: Setting]> {
  return Object.entries(table).map(([name, setting]) => [prefix + name, setting]);
}

function rowOf([name, setting]: [string, Setting]): string {
  const { kind, description, flag, variable } = setting;
  const lacking = [...(flag === false ? ['flag'] : []), ...(variable === false ? ['variable'] : [])];
  const remark = lacking.length > 0 ? `; no ${lacking.join(', no ')}` : '';
  const cells = [`\`${name}\``, kind.brief ?? kind.allowed, defaultOf(setting, (value) => `\`${value}\``)];
  return `| ${[...cells, description + remark].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
