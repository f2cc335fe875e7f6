/** Flags from the table of settings: `maxBodySize` is `--max-body-size`. */

import { type Command, Option } from 'commander';
import { flagOf, GROUPS, type Setting } from '../configuration/schema.js';

/** Gives a command the flags of settings, in the order of their groups. Their values stay texts; nothing is checked. */
export function addSettingFlags(command: Command, settings: Readonly<Record<string, Setting>>): void {
  for (const group of GROUPS) {
    for (const [name, setting] of Object.entries(settings)) {
      if (setting.group !== group || setting.flag === false) continue;
      for (const option of optionsOf(name, setting)) command.addOption(option.helpGroup(`${group}:`));
    }
  }
}

function optionsOf(name: string, setting: Setting): Option[] {
  const { choices, separator } = setting.kind;
  const placeholder = choices === undefined ? setting.kind.placeholder : `<${choices.join('|')}>`;
  const flag = flagOf(name);
  const text = `${setting.description} (default: ${defaultOf(setting)})`;
  if (placeholder === null) return [new Option(flag, text), new Option(flag.replace('--', '--no-')).hideHelp()];
  const option = new Option(`${flag} ${placeholder}`, text);
  return [separator === null ? option : option.argParser(collect)];
}

function collect(value: string, values: string[] = []): string[] {
  return [...values, value];
}

/** In words. */
function defaultOf({ default: value, otherwise }: Setting): string {
  if (otherwise !== undefined) return otherwise.replaceAll('`', '');
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
}
