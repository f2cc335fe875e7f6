import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ConfigurationFile, StaticSettings } from '../../src/configuration/configuration-file.js';
import { SETTINGS, STATIC_SETTINGS } from '../../src/configuration/schema.js';
import { configurationDocuments } from '../../tools/configuration-documents.js';

const documents = Object.entries(configurationDocuments());

describe('what follows from the table of settings', () => {
  // `npm run document` writes them.
  it.each(documents)('%s is up to date', async (path, text) => {
    await expect(text).toMatchFileSnapshot(fileURLToPath(new URL(`../../${path}`, import.meta.url)));
  });
});

type Inputs<Table extends Record<string, { kind: { schema: z.ZodType } }>> = {
  [Name in keyof Table]?: z.input<Table[Name]['kind']['schema']>;
};

/** What the type of configuration files and the schema take is the same; it is tsc that says so. */
type Within<Narrow extends Wide, Wide> = Narrow;
type _Checks = [
  Within<Omit<ConfigurationFile, 'static'>, Inputs<typeof SETTINGS>>,
  Within<Inputs<typeof SETTINGS>, Omit<ConfigurationFile, 'static'>>,
  Within<keyof ConfigurationFile, keyof typeof SETTINGS | 'static'>,
  Within<StaticSettings, Inputs<typeof STATIC_SETTINGS>>,
  Within<Inputs<typeof STATIC_SETTINGS>, StaticSettings>,
  Within<keyof StaticSettings, keyof typeof STATIC_SETTINGS>,
];

describe('the JSON schema', () => {
  const text = configurationDocuments()['uwsgiref.schema.json']!;
  const schema = z.fromJSONSchema(JSON.parse(text) as z.core.JSONSchema.JSONSchema);
  const takes = (value: unknown) => schema.safeParse(value).success;

  it('takes all defaults, and what files have', () => {
    const given = (table: object) =>
      Object.entries(table).flatMap(([name, { default: value }]) => (value === undefined ? [] : [[name, value]]));
    const all = { ...Object.fromEntries(given(SETTINGS)), static: Object.fromEntries(given(STATIC_SETTINGS)) };
    expect(takes({ $schema: './x.json', app: 'a', tlsSni: { a: { key: 'k', cert: 'c' } }, ...all })).toBe(true);
  });

  it.each([
    { maxFields: 0 },
    { maxFields: '7' },
    { maxBodySize: '2 parsecs' },
    { bind: 'nowhere' },
    { workers: 'some' },
    { static: { dotfiles: 'show' } },
    { maxBodySise: 1 },
  ])('refuses %j', (file) => {
    expect(takes(file)).toBe(false);
  });
});
