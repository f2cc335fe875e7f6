/** Reads the raw requests of `test/requests`, and what is expected of each. The README there says what the files are. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Accepted {
  readonly method: string;
  /** Chosen variables of the environ, PATH_INFO and QUERY_STRING always among them. */
  readonly environ: Readonly<Record<string, string>>;
  /** Variables that the environ must not have. */
  readonly absent: readonly string[];
  readonly body: string;
  readonly persists: boolean;
  /** The client waits for a 100 before it sends the body. */
  readonly interim: boolean;
}

export interface Refused {
  readonly status: number;
  /** The body of the answer, without its line end. */
  readonly says: string;
  /** How many bytes of the file it takes to refuse it. */
  readonly readTo: number;
}

/** All texts have one character a byte. */
export interface CorpusFile {
  /** `valid/host/ipv6` */
  readonly name: string;
  readonly bytes: string;
  /** What the first paragraph says, up to the rules that it cites. */
  readonly why: string;
  readonly rules: string;
  readonly accepted: readonly Accepted[];
  /** The last request of an invalid file. */
  readonly refused: Refused | undefined;
}

const root = fileURLToPath(new URL('requests', import.meta.url));

/** Every file, in the order of their names. */
export function requestCorpus(): CorpusFile[] {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
  const extra = paths.filter((path) => path.endsWith('.expect') && !existsSync(join(root, sibling(path, '.http'))));
  if (extra.length > 0) throw new Error(`Expectations of no request: ${extra}`);
  return paths.filter((path) => path.endsWith('.http')).map(readCorpusFile);
}

/** `valid/host` */
export function directoryOf(file: CorpusFile): string {
  return dirname(file.name);
}

function sibling(path: string, extension: string): string {
  return path.replace(/\.\w+$/, extension);
}

function readCorpusFile(path: string): CorpusFile {
  const text = readFileSync(join(root, sibling(path, '.expect')), 'utf8').trimEnd();
  const [head = '', ...blocks] = text.split('\n\n');
  const lines = head.split('\n');
  const rule = lines.find((line) => line.startsWith('repeat: '));
  const rules = lines.filter((line) => line !== rule).pop() ?? '';
  let bytes = readFileSync(join(root, path), 'latin1');
  let ofAccepted = (block: string) => block;
  if (rule !== undefined) {
    const [, count, what] = /^repeat: (\d+) (.+)$/.exec(rule) ?? [];
    const once = unescaped(what!);
    // By a function, for `$` would mean something in a string.
    const repeated = (inside: string) => inside.replace(once, () => once.repeat(Number(count)));
    bytes = repeated(bytes);
    ofAccepted = repeated;
  }
  const accepted = blocks.filter((block) => !isRefused(block)).map((block) => readAccepted(ofAccepted(block)));
  const refused = blocks.filter(isRefused).map((block) => readRefused(block, bytes));
  if (refused.length > 1 || (refused.length === 1) !== isRefused(blocks.at(-1) ?? '')) {
    throw new Error(`${path}: nothing comes behind a refused request`);
  }
  const why = lines.slice(0, lines.indexOf(rules)).join(' ');
  return { name: sibling(path, ''), bytes, why, rules, accepted, refused: refused[0] };
}

function isRefused(block: string): boolean {
  return /^\d/.test(block);
}

function readAccepted(block: string): Accepted {
  const [first = '', ...lines] = block.split('\n');
  const [, method = '', path = ''] = /^(\S+) ?(.*)$/.exec(first) ?? [];
  const environ: Record<string, string> = { PATH_INFO: unescaped(path), QUERY_STRING: '' };
  const special: Record<string, string> = {};
  for (const [key, value] of lines.map(keyAndValue)) {
    if (['absent', 'body', 'connection', 'interim'].includes(key)) special[key] = value;
    else environ[key] = value;
  }
  return {
    method,
    environ,
    absent: special.absent?.split(' ') ?? [],
    body: special.body ?? '',
    persists: special.connection !== 'close',
    interim: special.interim !== undefined,
  };
}

function readRefused(block: string, bytes: string): Refused {
  const [first = '', ...lines] = block.split('\n');
  const [, status, says = ''] = /^(\d{3}) (.+)$/.exec(first) ?? [];
  let readTo = bytes.length;
  for (const [key, value] of lines.map(keyAndValue)) {
    if (key === 'at byte') readTo = Number(value);
    else if (key === 'read to' && bytes.includes(value)) readTo = bytes.indexOf(value) + value.length;
    else throw new Error(`${key}: ${value}`);
  }
  return { status: Number(status), says, readTo };
}

function keyAndValue(line: string): [key: string, value: string] {
  const [, key, value] = /^([^:]+): ?(.*)$/.exec(line) ?? [];
  if (key === undefined || value === undefined) throw new Error(`No key and value: ${line}`);
  return [key, unescaped(value)];
}

const ESCAPES: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '\\': '\\' };

function unescaped(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_all, hex?: string, letter?: string) =>
    hex === undefined ? ESCAPES[letter!]! : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
