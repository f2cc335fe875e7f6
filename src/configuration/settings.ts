/** Collects the settings from file, environment and flags, and checks each. */

import { show } from '../show.js';
import { ConfigurationError, nearest } from './errors.js';
import { loadConfigurationFile } from './load-configuration-file.js';
import {
  flagOf,
  SETTINGS,
  type Setting,
  type SettingName,
  type SettingValues,
  STATIC_SETTINGS,
  type StaticValues,
  variableOf,
} from './schema.js';

/** Where settings are read from. */
export interface Source {
  /**
   * By setting, as texts, arrays of texts and booleans: what a parser of flags leaves. Those of `static` stand beside
   * the others. Besides `config`, the path of the file, and `directory`, the one that is served in place of `app`.
   */
  readonly flags: Record<string, unknown>;
  readonly environment: NodeJS.ProcessEnv;
  /** Where the configuration file is looked for, and what paths are relative to. */
  readonly directory: string;
}

/** In rising precedence. */
export const RANKS = { none: -1, file: 0, environment: 1, flags: 2 } as const;
type Rank = (typeof RANKS)[keyof typeof RANKS];

/** The settings that were given. */
export interface Settings {
  readonly values: SettingValues;
  readonly files: StaticValues;
  /** The file, variables and flags that were read. */
  readonly origins: readonly string[];
  /** How the setting was given. */
  rank(name: SettingName): Rank;
  /** The file, the variable or the flag that gave it; those of `static` behind a dot. */
  origin(name: string): string | undefined;
}

interface Given {
  readonly value: unknown;
  readonly rank: Rank;
  /** The file, the variable or the flag. */
  readonly origin: string;
}

/** By its name in a configuration file; those of `static` behind a dot. */
const ALL = new Map<string, Setting>([
  ...Object.entries(SETTINGS),
  ...Object.entries(STATIC_SETTINGS).map(([name, setting]) => [`static.${name}`, setting] as const),
]);
const VARIABLES = new Map(
  [...ALL].filter(([, { variable }]) => variable !== false).map(([name]) => [variableOf(name), name]),
);
const CONFIG = 'UWSGIREF_CONFIG';
/** No settings: the file, an addon that was built for a test, and what a supervisor hands over to another. */
const OTHERS = [CONFIG, 'UWSGIREF_ADDON', 'UWSGIREF_HANDOVER'];
/** What flags say besides settings. */
const COMMANDS = ['config', 'directory'];

/** @throws ConfigurationError when a name is unknown or a value not allowed; a line for each */
export async function readSettings({ flags, environment, directory }: Source): Promise<Settings> {
  const problems: string[] = [];
  const named = (flags.config as string | undefined) ?? (environment[CONFIG] || undefined);
  const file = await loadConfigurationFile(directory, named);
  // What comes later replaces what came before.
  const given = new Map<string, Given>([
    ...(file === undefined ? [] : fromFile(file.values, file.name, problems)),
    ...fromEnvironment(environment, problems),
    ...fromFlags(flags, problems),
  ]);

  const values: Record<string, unknown> = {};
  const files: Record<string, unknown> = {};
  for (const [name, each] of given) {
    const value = check(name, each, problems);
    if (name.startsWith('static.')) files[name.slice('static.'.length)] = value;
    else values[name] = value;
  }
  if (problems.length > 0) throw new ConfigurationError(problems.join('\n'));
  return {
    values: values as SettingValues,
    files: files as StaticValues,
    origins: [
      ...new Set([...(file === undefined ? [] : [file.name]), ...[...given.values()].map((each) => each.origin)]),
    ],
    rank: (name) => given.get(name)?.rank ?? RANKS.none,
    origin: (name) => given.get(name)?.origin,
  };
}

type Entry = [name: string, given: Given];

function fromFile(values: Record<string, unknown>, origin: string, problems: string[]): Entry[] {
  const { static: files = {}, $schema, ...others } = values;
  const entries = Object.entries(others);
  if (typeof files !== 'object' || files === null || Array.isArray(files)) {
    problems.push(`static must be an object of settings for files, got ${show(files)} (${origin})`);
  } else {
    for (const [name, value] of Object.entries(files)) entries.push([`static.${name}`, value]);
  }
  return entries.flatMap(([name, value]): Entry[] => {
    if (value === undefined) return [];
    if (ALL.has(name)) return [[name, { value, rank: RANKS.file, origin }]];
    problems.push(`${unknown(name, [...ALL.keys()], 'setting')} (${origin})`);
    return [];
  });
}

/** An empty variable is none, as is usual: a service file cannot always leave one out. */
function fromEnvironment(environment: NodeJS.ProcessEnv, problems: string[]): Entry[] {
  return Object.entries(environment).flatMap(([variable, text]): Entry[] => {
    if (!variable.startsWith('UWSGIREF_') || OTHERS.includes(variable) || !text) return [];
    const name = VARIABLES.get(variable);
    if (name === undefined) {
      problems.push(`${unknown(variable, [...VARIABLES.keys()], 'variable')} (environment)`);
      return [];
    }
    return [[name, { value: fromTexts(name, [text]), rank: RANKS.environment, origin: variable }]];
  });
}

function fromFlags(flags: Record<string, unknown>, problems: string[]): Entry[] {
  return Object.entries(flags).flatMap(([flag, value]): Entry[] => {
    if (value === undefined || COMMANDS.includes(flag)) return [];
    const name = flag in STATIC_SETTINGS && !(flag in SETTINGS) ? `static.${flag}` : flag;
    if (!ALL.has(name)) {
      problems.push(unknown(flagOf(flag), [...ALL.keys()].map(flagOf), 'flag'));
      return [];
    }
    const texts = typeof value === 'string' ? [value] : value;
    const given = Array.isArray(texts) ? fromTexts(name, texts as string[]) : value;
    return [[name, { value: given, rank: RANKS.flags, origin: name === 'app' ? 'argument' : flagOf(flag) }]];
  });
}

function unknown(name: string, known: readonly string[], what: string): string {
  const meant = nearest(name, known);
  return `There is no ${what} ${name}; ${meant === undefined ? `there are ${known.join(', ')}` : `did you mean ${meant}?`}`;
}

function fromTexts(name: string, texts: readonly string[]): unknown {
  const { separator, fromTexts } = ALL.get(name)!.kind;
  if (separator === null) return fromTexts(texts);
  return fromTexts(texts.flatMap((text) => text.split(separator).map((each) => each.trim())));
}

/** @returns what is to be used; nothing of use where that is a problem */
function check(name: string, { value, origin }: Given, problems: string[]): unknown {
  const { kind, secret } = ALL.get(name)!;
  const { success, data, error } = kind.schema.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  const own = issue?.code === 'custom' && issue.params?.own === true;
  const wrong = own ? `: ${issue.message}` : ` must be ${kind.allowed}, got ${secret ? 'another' : show(value)}`;
  problems.push(`${name}${wrong} (${origin})`);
  return undefined;
}
