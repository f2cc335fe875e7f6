import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { certificate } from './fixtures/certificate.js';
import { compiledPackage } from './fixtures/compiled-package.js';
import { preloaded } from './fixtures/preloaded.js';
import { Program } from './fixtures/program.js';
import { get } from './fixtures/raw-client.js';
import { temporaryFolder } from './fixtures/started-server.js';
import { openTls } from './fixtures/tls-client.js';

const root = compiledPackage();

describe.runIf(process.platform === 'linux')('over a network that takes little at a time', () => {
  it('a handshake comes to its end, and a file behind it', async () => {
    const folder = temporaryFolder();
    const content = randomBytes(100_000);
    writeFileSync(join(folder, 'file'), content);
    const tls = certificate(temporaryFolder(), 'server');
    const script = join(import.meta.dirname, 'fixtures/file-server.mjs');
    const server = new Program(process.execPath, [script, root, folder, JSON.stringify({ tls })], {
      channel: true,
      env: preloaded('short-sends.c'),
    });
    const [, , port] = await server.says(/^port (\d+) (\d+)\n/);
    const client = await openTls(Number(port));
    expect((await client.send(get('/file')).response()).body.equals(content)).toBe(true);
  });
});
