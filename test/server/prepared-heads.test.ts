import { expect, it } from 'vitest';
import { PreparedHead } from '../../src/prepared-head.js';
import type { Application } from '../../src/types.js';
import { collectGarbage } from './fixtures/collect-garbage.js';
import { get, RawClient } from './fixtures/raw-client.js';
import { started, until } from './fixtures/started-server.js';

/** More heads than the engine keeps. */
const MANY = 5000;
const KEPT = 100;

it('prepared heads stay those of their answers when their numbers are given anew, and more requests come meanwhile', async () => {
  const kept = new Map<string, PreparedHead>();
  const app: Application = ({ PATH_INFO: path = '' }, startResponse) => {
    const head = kept.get(path) ?? new PreparedHead('200 OK', [['X-Path', path]]);
    if (path.startsWith('/kept')) kept.set(path, head);
    startResponse(head.status, head.list());
    return [path];
  };
  const { port } = await started(app);
  const client = await RawClient.open(port);
  const expectHeads = async (paths: string[]): Promise<void> => {
    client.send(paths.map((path) => get(path)).join(''));
    for (const path of paths) {
      const response = await client.response();
      expect([response.field('x-path'), response.body.toString()]).toEqual([path, path]);
    }
  };
  const numbered = (name: string, count: number) => Array.from({ length: count }, (_, index) => `/${name}/${index}`);
  await expectHeads(numbered('once', MANY));
  for (let round = 0; round < 3; round++) await expectHeads(numbered('kept', KEPT));
});

it('prepared heads that nobody has any more are kept by the engine alone', async () => {
  const heads: WeakRef<PreparedHead>[] = [];
  const { port } = await started((_environ, startResponse) => {
    const head = new PreparedHead('200 OK', [['X-Number', String(heads.length)]]);
    heads.push(new WeakRef(head));
    startResponse(head.status, head.list());
    return ['body'];
  });
  const client = await RawClient.open(port);
  for (let number = 0; number < 100; number++) {
    expect((await client.send(get('/')).response()).field('x-number')).toBe(String(number));
  }
  await until(() => {
    collectGarbage();
    // The last request may be in hand still.
    return heads.filter((head) => head.deref() !== undefined).length < 10;
  });
});
