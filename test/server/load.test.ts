import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { descriptorsBackTo, openDescriptors } from './fixtures/descriptors.js';
import { plain, started, until } from './fixtures/started-server.js';

/** What of autocannon, which has no types of its own, is used here. */
type Autocannon = (options: {
  url: string;
  connections: number;
  duration: number;
  pipelining?: number;
  requests?: Array<{ method?: string; path?: string; body?: string }>;
  workers?: number;
}) => Promise<{ errors: number; timeouts: number; non2xx: number; resets: number; '2xx': number }>;

const autocannon = createRequire(import.meta.url)('autocannon') as Autocannon;

describe('200 concurrent connections', () => {
  it('have every request answered', async () => {
    const before = openDescriptors().length;
    let closed = 0;
    let ran = 0;
    const { server } = await started((environ, startResponse) => {
      ran++;
      startResponse('200 OK', plain());
      const body = environ.REQUEST_METHOD === 'POST' ? environ['wsgi.input'].read() : 'x'.repeat(1000);
      const result = Object.assign([body], { close: () => void closed++ });
      return environ.PATH_INFO === '/later' ? Promise.resolve(result) : result;
    });
    const result = await autocannon({
      url: server.url,
      connections: 200,
      duration: 2,
      workers: 1,
      requests: [{ path: '/' }, { path: '/later' }, { method: 'POST', path: '/', body: 'posted'.repeat(100) }],
    });
    expect(result).toMatchObject({ errors: 0, timeouts: 0, non2xx: 0, resets: 0 });
    expect(result['2xx']).toBeGreaterThan(200);
    await until(() => server.stats().openConnections === 0);
    expect(closed).toBe(ran);
    await server.close();
    await descriptorsBackTo(before);
  });

  it('may pipeline', async () => {
    const { server } = await started((_environ, startResponse) => {
      startResponse('200 OK', plain());
      return ['small'];
    });
    const result = await autocannon({ url: server.url, connections: 200, duration: 2, pipelining: 8, workers: 1 });
    expect(result).toMatchObject({ errors: 0, timeouts: 0, non2xx: 0 });
    expect(result['2xx']).toBeGreaterThan(200);
  });
});
