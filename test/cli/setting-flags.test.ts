import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addSettingFlags } from '../../src/cli/setting-flags.js';
import { flagOf, GROUPS, SETTINGS, type Setting, STATIC_SETTINGS } from '../../src/configuration/schema.js';
import { readSettings } from '../../src/configuration/settings.js';
import { temporaryFolder } from '../server/fixtures/started-server.js';

const ALL: Record<string, Setting> = { ...SETTINGS, ...STATIC_SETTINGS };
const flagged = Object.entries(ALL).filter(([, { flag }]) => flag !== false);

/** What commander makes of arguments, and the settings of that. */
async function parsed(...args: string[]): Promise<Record<string, unknown>> {
  const command = new Command();
  addSettingFlags(command, ALL);
  const flags = command.parse(args, { from: 'user' }).opts();
  const { values, files } = await readSettings({ flags, environment: {}, directory: temporaryFolder() });
  return { ...values, ...files };
}

describe('the flags of settings', () => {
  it('are none where none is given: defaults are of those who read them', async () => {
    expect(await parsed()).toEqual({});
  });

  const single = flagged.filter(([, { kind, default: value }]) => kind.placeholder !== null && value !== undefined);
  it.each(single)('of %s takes its default', async (name, { kind, default: value }) => {
    // Of a value that is text or false, false cannot be said by a flag.
    const text = value === false ? '**' : String(value);
    expect(await parsed(flagOf(name), text)).toEqual({ [name]: kind.schema.parse(kind.fromTexts([text])) });
  });

  const toggles = flagged.filter(([, { kind }]) => kind.placeholder === null).map(([name]) => name);
  it.each(toggles)('of %s are two', async (name) => {
    expect(await parsed(flagOf(name))).toEqual({ [name]: true });
    expect(await parsed(flagOf(name).replace('--', '--no-'))).toEqual({ [name]: false });
  });

  it('may be given again where there may be several values', async () => {
    const args = [
      '--bind',
      ':1,:2',
      '--bind',
      'fd:3',
      '--index',
      'a,b',
      '--index',
      'c',
      '--cache-control',
      '*.js: no-cache',
    ];
    expect(await parsed(...args, '--cache-control', 'max-age=1')).toEqual({
      bind: [{ host: '', port: 1 }, { host: '', port: 2 }, { fd: 3 }],
      index: ['a,b', 'c'],
      cacheControl: { '*.js': 'no-cache', '**': 'max-age=1' },
    });
  });

  it('are listed beneath the headings of their groups, with their defaults', () => {
    const command = new Command();
    addSettingFlags(command, ALL);
    const help = command.configureHelp({ helpWidth: 1000 }).helpInformation();
    const headings = [...help.matchAll(/^(\w+):$/gm)].map(([, heading]) => heading);
    const used = GROUPS.filter((group) => flagged.some(([, setting]) => setting.group === group));
    expect(headings.filter((heading) => heading !== 'Options')).toEqual(used);
    for (const [name] of flagged) expect(help).toMatch(new RegExp(`^ +${flagOf(name)} .*\\(default: .+\\)$`, 'm'));
    expect(help).toMatch(/^ +--forwarded-fields <x-forwarded\|forwarded> /m);
    expect(help).not.toMatch(/--no-|--app|--tls-passphrase/);
  });
});
