import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { printConfiguration, readConfiguration, type Source } from '../../src/configuration/index.js';
import { temporaryFolder } from '../server/fixtures/started-server.js';

const certificates = {
  tlsCert: 'c.pem',
  tlsKey: 'k.pem',
  tlsSni: { 'a.example': { key: '/k', cert: '/c', passphrase: 'hush' } },
};

function sourceOf(file: object, flags: Record<string, unknown>, environment: NodeJS.ProcessEnv = {}): Source {
  const directory = temporaryFolder();
  writeFileSync(join(directory, 'uwsgiref.config.json'), JSON.stringify(file));
  return { flags, environment, directory };
}

/** The comment behind a setting. */
function originOf(text: string, name: string): string | undefined {
  return new RegExp(`^ +${name}: .* // (.*)$`, 'm').exec(text)?.[1];
}

describe('printConfiguration', () => {
  it('says where each value comes from', async () => {
    const source = sourceOf(
      { maxFields: 7, workers: 3 },
      { app: 'app.js', workers: '2' },
      { UWSGIREF_MAX_BODY_SIZE: '2MB' },
    );
    const text = await printConfiguration(source);
    expect(
      ['app', 'workers', 'maxFields', 'maxBodySize', 'umask', 'watchdog'].map((name) => originOf(text, name)),
    ).toEqual(['argument', '--workers', 'uwsgiref.config.json', 'UWSGIREF_MAX_BODY_SIZE', undefined, 'default']);
    expect(text).toContain("\n  maxBodySize: '2MB',");
  });

  it.each<[Record<string, string>, NodeJS.ProcessEnv, string, string]>([
    [{}, {}, "[ '127.0.0.1:8000' ]", 'default'],
    [{ port: '1' }, { UWSGIREF_HOST: '::1' }, "[ '[::1]:1' ]", '--port'],
    [{ port: '1', host: '::1' }, {}, "[ '[::1]:1' ]", '--host, --port'],
    [{}, { UWSGIREF_BIND: 'unix:/a?mode=660,fd:3' }, "[ 'unix:/a?mode=660', 'fd:3' ]", 'UWSGIREF_BIND'],
  ])('%j and %j are told as bind', async (flags, environment, bind, origin) => {
    const text = await printConfiguration(sourceOf({}, { app: 'a', ...flags }, environment));
    expect(/^ {2}bind: (.*), +\/\/ (.*)$/m.exec(text)?.slice(1)).toEqual([bind, origin]);
    expect(text).not.toMatch(/^ {2}(host|port|path):/m);
  });

  it.each<[string, object, Record<string, unknown>]>([
    ['of an application', { app: 'a.js', ...certificates, bodyTimeout: '1500ms', workers: 'auto', umask: '027' }, {}],
    [
      'without TLS',
      { app: 'a.js', serverHeader: null, trustedProxies: ['10.0.0.0/8'], chdir: 'sub', pidFile: 'p' },
      {},
    ],
    [
      'of files',
      { static: { index: ['a', 'b'], cacheControl: { '**': 'no-cache' }, listing: true } },
      { directory: 'www' },
    ],
  ])('prints a module that means the same: %s', async (_what, file, flags) => {
    const source = sourceOf(file, flags);
    const directory = temporaryFolder();
    writeFileSync(join(directory, 'uwsgiref.config.mjs'), await printConfiguration(source));
    const { server, ...others } = await readConfiguration(source);
    const again = await readConfiguration({ ...source, directory });
    expect(again).toMatchObject(JSON.parse(JSON.stringify(others).replaceAll('hush', '(hidden)')));
    expect(again.server).toMatchObject(JSON.parse(JSON.stringify(server).replaceAll('hush', '(hidden)')));
  });

  it('shows nothing that is secret', async () => {
    const source = sourceOf({ app: 'a', ...certificates }, {}, { UWSGIREF_TLS_PASSPHRASE: 'hush' });
    const text = await printConfiguration(source);
    expect(text).not.toContain('hush');
    expect(text).toContain("tlsPassphrase: '(hidden)'");
  });
});
