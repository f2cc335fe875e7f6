/** The kinds of values that settings have: each says what it takes, from a file and as text, and what becomes of it. */

import { availableParallelism } from 'node:os';
import { z } from 'zod';
import {
  BIND,
  type Bind,
  DURATION,
  formatBind,
  formatDuration,
  formatPermissions,
  formatRate,
  formatSize,
  MOST_WORKERS,
  PERMISSIONS,
  parseBind,
  parseDuration,
  parsePermissions,
  parseRate,
  parseSize,
  RATE,
  SIZE,
} from './values.js';

export interface Kind<Value = unknown, Input = unknown> {
  /** What a configuration file may hold, and what it means. */
  readonly schema: z.ZodType<Value, Input>;
  /** What is allowed, in words that follow on "must be". */
  readonly allowed: string;
  /** The same for a table, where `allowed` would say too much. */
  readonly brief?: string;
  /** What a configuration file may hold, in TypeScript, where the schema would say too much. */
  readonly type?: string;
  /** What stands for the value behind its flag; none where the flag is enough. */
  readonly placeholder: string | null;
  /** The texts of a flag or of a variable as a configuration file would have them. What is not understood stays text. */
  readonly fromTexts: (texts: readonly string[]) => unknown;
  /** What stands between several values in one text; null where there is one value. */
  readonly separator: ',' | '\n' | null;
  readonly choices?: readonly string[];
  /** A value as a configuration file could have it. */
  print?(value: Value): unknown;
}

type Range = readonly [least: number, greatest: number];

const lastOf = (texts: readonly string[]) => texts.at(-1) ?? '';
const numberOf = (text: string) => (/^\d+$/.test(text) ? Number(text) : text);
const within = (value: number, [least, greatest]: Range) =>
  Number.isSafeInteger(value) && value >= least && value <= greatest;

/** A value of one text, which stays text. */
export function single<Value, Input>(
  schema: z.ZodType<Value, Input>,
  allowed: string,
  placeholder: string,
): Kind<Value, Input> {
  return { schema, allowed, placeholder, separator: null, fromTexts: lastOf };
}

export function integer(range: Range): Kind<number, number> {
  const [least, greatest] = range;
  const limits = greatest === Number.MAX_SAFE_INTEGER ? `, ${least} or more` : ` from ${least} to ${greatest}`;
  return {
    ...single(z.int().min(least).max(greatest), `a whole number${limits}`, '<number>'),
    fromTexts: (texts) => numberOf(lastOf(texts)),
  };
}

/** A number, or a text with a unit. */
function measured(
  range: Range,
  pattern: RegExp,
  parse: (text: string) => number,
  allowed: string,
  placeholder: string,
): Kind<number, number | string> {
  const schema = z
    .union([z.int().min(range[0]).max(range[1]), z.string().regex(pattern)])
    .transform((given) => (typeof given === 'number' ? given : parse(given)))
    .refine((value) => within(value, range));
  return { ...single(schema, allowed, placeholder), fromTexts: (texts) => numberOf(lastOf(texts)) };
}

const DAY = 86_400_000;

/** Milliseconds. */
export function duration(range: Range = [0, DAY]): Kind<number, number | string> {
  const most = range[1] === DAY ? '24h' : `${range[1]}ms`;
  const allowed = `a number of milliseconds, or a duration as '500ms', '30s', '2m' or '1h', from ${range[0]} to ${most}`;
  return {
    ...measured(range, DURATION, parseDuration, allowed, '<duration>'),
    brief: 'a duration',
    print: formatDuration,
  };
}

/** Bytes. */
export function size(range: Range): Kind<number, number | string> {
  const [least, greatest] = range;
  const most = greatest === Number.MAX_SAFE_INTEGER ? `, from ${least}` : `, from ${least} to ${greatest}`;
  const allowed = `a number of bytes, or a size as '512KiB', '2MB' or '1GiB'${most}`;
  return {
    ...measured(range, SIZE, parseSize, allowed, '<size>'),
    brief:
      greatest === Number.MAX_SAFE_INTEGER ? 'a size' : `a size from ${formatSize(least)} to ${formatSize(greatest)}`,
    print: formatSize,
  };
}

/** Bytes a second. */
export function rate(range: Range): Kind<number, number | string> {
  const allowed = `a number of bytes a second, or a rate as '512KiB/s' or '2MB/s', from ${range[0]} to ${range[1]}`;
  return { ...measured(range, RATE, parseRate, allowed, '<rate>'), brief: 'a rate', print: formatRate };
}

const WORDS = new Map(
  Object.entries({ true: true, yes: true, on: true, 1: true, false: false, no: false, off: false, 0: false }),
);

const booleanOf = (texts: readonly string[]) => WORDS.get(lastOf(texts).toLowerCase()) ?? lastOf(texts);

/** On or off: `--name` and `--no-name`. */
export function toggle(): Kind<boolean, boolean> {
  return { schema: z.boolean(), allowed: 'true or false', placeholder: null, separator: null, fromTexts: booleanOf };
}

export function choice<const Name extends string>(names: readonly Name[]): Kind<Name, Name> {
  const allowed = `one of ${names.map((name) => `'${name}'`).join(', ')}`;
  return { ...single(z.enum(names) as z.ZodType<Name, Name>, allowed, '<which>'), choices: names };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: a system call would take the name only up to there
const WHOLE = /^[^\x00]+$/;

export const anyText = z.string();

/** A text that the system gets to see, such as the name of a file. */
export function text(allowed: string, placeholder: string): Kind<string, string> {
  return single(z.string().regex(WHOLE), allowed, placeholder);
}

/** A text, or null: as text `none`. */
export function textOrNull(allowed: string): Kind<string | null, string | null> {
  return {
    ...single(z.union([z.string(), z.null()]), `${allowed}, or null ('none' as a flag or variable)`, '<text>'),
    fromTexts: (texts) => (lastOf(texts) === 'none' ? null : lastOf(texts)),
  };
}

/** A text that a function of the caller's looks at; what that throws says what is wrong. */
export function checkedText(check: (text: string) => void, allowed: string): Kind<string, string> {
  const schema = z.string().superRefine((given, context) => {
    try {
      check(given);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message, params: { own: true } });
    }
  });
  return single(schema, allowed, '<format>');
}

/** The name of a user or group, or its number. */
export function account(): Kind<string, string | number> {
  const schema = z.union([z.int().min(0), z.string().regex(/^[^\s:]+$/)]).transform(String);
  return single(schema, 'a name or a number', '<name>');
}

/** Octal, and always a text: 27 in JSON and 0o27 are not the same. */
export function permissions(): Kind<number, string> {
  const schema = z
    .string()
    .regex(PERMISSIONS)
    .transform(parsePermissions)
    .refine((bits) => bits <= 0o777);
  return { ...single(schema, "an octal text as '027', up to '777'", '<octal>'), print: formatPermissions };
}

/** How many workers. */
export function processes(): Kind<number, number | 'auto'> {
  const schema = z
    .union([z.int().min(0).max(MOST_WORKERS), z.literal('auto')])
    .transform((given) => (given === 'auto' ? availableParallelism() : given));
  const allowed = `a whole number from 0 to ${MOST_WORKERS}, or 'auto' for one a processor`;
  return { ...single(schema, allowed, '<number|auto>'), fromTexts: (texts) => numberOf(lastOf(texts)) };
}

// --- Several values ----------------------------------------------------------------------------------------------------

type BindInput = string | { host: string; port: number } | { path: string; mode?: string | undefined } | { fd: number };

const BIND_FORMS = "'HOST:PORT', '[IPV6]:PORT', ':PORT', 'unix:PATH', 'unix:PATH?mode=660' or 'fd:NUMBER'";

const bindSchema: z.ZodType<Bind, BindInput> = z
  .union([
    z.string().regex(BIND),
    z.strictObject({ host: z.string(), port: z.int().min(0).max(65_535) }),
    z.strictObject({ path: z.string().regex(WHOLE), mode: z.string().regex(PERMISSIONS).optional() }),
    z.strictObject({ fd: z.int().min(0) }),
  ])
  .transform((given, context): Bind => {
    const bind = typeof given === 'string' ? parseBind(given) : 'path' in given ? parseBind(pathText(given)) : given;
    if (bind !== undefined) return bind;
    context.addIssue({ code: 'custom' });
    return z.NEVER;
  });

function pathText({ path, mode }: { path: string; mode?: string | undefined }): string {
  return mode === undefined ? `unix:${path}` : `unix:${path}?mode=${mode}`;
}

/** One place to listen at. */
export function place(): Kind<Bind, BindInput> {
  return { ...single(bindSchema, BIND_FORMS, '<where>'), brief: 'a place', type: 'Place', print: formatBind };
}

/** Places to listen at. */
export function places(): Kind<Bind[], BindInput | BindInput[]> {
  return {
    schema: z.union([bindSchema.transform((bind) => [bind]), z.array(bindSchema).min(1)]),
    allowed: `${BIND_FORMS}, or an array of such`,
    brief: 'a place, or an array of places',
    type: 'Place | Place[]',
    placeholder: '<where>',
    separator: ',',
    fromTexts: (texts) => [...texts],
    print: (binds) => binds.map(formatBind),
  };
}

const oneOrMore = z.union([z.string(), z.array(z.string())]);

/** Texts that have no comma in them. */
export function list(allowed: string): Kind<string[], string | string[]> {
  return {
    schema: oneOrMore.transform((given) => (typeof given === 'string' ? [given] : given)),
    allowed,
    placeholder: '<list>',
    separator: ',',
    fromTexts: (texts) => [...texts],
  };
}

/** Names of files, which may have commas in them. */
export function names(): Kind<string | string[], string | string[]> {
  return {
    schema: oneOrMore,
    allowed: "a file's name, or an array of them",
    placeholder: '<name>',
    separator: '\n',
    fromTexts: (texts) => [...texts],
  };
}

/** Files by glob, or all, or none. */
export function globs(): Kind<boolean | string | string[], boolean | string | string[]> {
  return {
    schema: z.union([z.boolean(), oneOrMore]),
    allowed: 'true, false, or one or more globs',
    placeholder: '<glob>',
    separator: '\n',
    fromTexts: (texts) => [...texts],
  };
}

/** Values by glob, or one for all: as text `[GLOB:]VALUE`. A value of Cache-Control has no colon. */
export function rules(): Kind<string | Record<string, string>, string | Record<string, string>> {
  return {
    schema: z.union([z.string(), z.record(z.string(), z.string())]),
    allowed: 'a text, or an object of texts by glob',
    placeholder: '<[glob:]value>',
    separator: '\n',
    fromTexts: (texts) =>
      Object.fromEntries(
        texts.map((each) => {
          const [, glob = '**', value = ''] = /^(?:(.*):)?\s*(.*)$/s.exec(each) ?? [];
          return [glob, value];
        }),
      ),
  };
}

/** All of some names, or those that are given, in their order. */
export function toggleOrNames<const Name extends string>(
  all: readonly Name[],
): Kind<boolean | Name[], boolean | Name[]> {
  return {
    schema: z.union([z.boolean(), z.array(z.enum(all) as z.ZodType<Name, Name>)]),
    allowed: `true, false, or an array of ${all.map((name) => `'${name}'`).join(', ')}`,
    placeholder: null,
    separator: ',',
    fromTexts: (texts) => (texts.length === 1 && WORDS.has(lastOf(texts)) ? booleanOf(texts) : [...texts]),
  };
}

type OpenFiles = boolean | { max?: number | undefined; revalidateMs?: number | undefined };

/** Whether files stay open; how many, where it is a number; and for how long before they are looked up again. */
export function openFiles(ranges: { max: Range; revalidateMs: Range }): Kind<OpenFiles, OpenFiles | number> {
  const [{ schema: max }, { schema: revalidateMs }] = [integer(ranges.max), integer(ranges.revalidateMs)];
  const schema = z.union([
    z.boolean(),
    max.transform((given) => ({ max: given })),
    z.strictObject({ max: max.optional(), revalidateMs: revalidateMs.optional() }),
  ]);
  const allowed =
    `true, false, ${integer(ranges.max).allowed}, ` +
    `or an object { max, revalidateMs } of such a number and one from ${ranges.revalidateMs.join(' to ')}`;
  return {
    ...single<OpenFiles, OpenFiles | number>(schema, allowed, '<number>'),
    type: 'boolean | number | { max?: number | undefined; revalidateMs?: number | undefined }',
    fromTexts: (texts) => (/^[1-9]\d*$/.test(lastOf(texts)) ? Number(lastOf(texts)) : booleanOf(texts)),
  };
}

const certificate = z.strictObject({
  key: z.string(),
  cert: z.string(),
  passphrase: z.string().optional(),
  ciphers: z.string().optional(),
});

/** What stands in place of what is secret. */
export const HIDDEN = '(hidden)';

function withoutPassphrases(certificates: Certificates): Certificates {
  return Object.fromEntries(
    Object.entries(certificates).map(([name, { passphrase, ...shown }]) => [
      name,
      passphrase === undefined ? shown : { ...shown, passphrase: HIDDEN },
    ]),
  );
}

export type Certificates = Record<string, z.infer<typeof certificate>>;

/** Certificates by host name; for a configuration file alone. */
export function certificates(): Kind<Certificates, Certificates> {
  const allowed = 'an object by host name of { key, cert } and perhaps passphrase and ciphers';
  return {
    ...single(z.record(z.string(), certificate), allowed, '<certificates>'),
    type: 'Record<string, CertificateFiles>',
    print: withoutPassphrases,
  };
}
