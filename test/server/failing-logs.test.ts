import { describe, expect, it, vi } from 'vitest';
import type { ServerOptions } from '../../src/server/index.js';
import { DescriptorErrors } from '../../src/streams.js';
import type { Application } from '../../src/types.js';
import { get, RawClient } from './fixtures/raw-client.js';
import { plain, started, until } from './fixtures/started-server.js';

const application: Application = (environ, startResponse) => {
  switch (environ.PATH_INFO) {
    case '/fails':
      throw new Error('on purpose');
    case '/never':
      return new Promise(() => undefined);
    case '/short':
      startResponse('200 OK', plain(['Content-Length', '5']));
      return ['cut'];
    default:
      startResponse('200 OK', plain());
      return ['fine'];
  }
};

function full(): never {
  throw new Error('the log is full');
}

/** What one log or another hears of. */
const NOTEWORTHY = ['GET / HTTP/9.9\r\n\r\n', get('/fails'), get('/never'), get('/short')];

const LOGS: Record<string, ServerOptions> = {
  'an error stream': { errors: { write: full, writelines: full, flush: full } },
  onError: { onError: full },
  onRefused: { onRefused: full },
  onAnswered: { onAnswered: full },
};

describe('a log that fails', () => {
  // An exception that nobody catches, and that would end the process, fails the test.
  it.each(Object.entries(LOGS))('ends nothing but what it was told of: %s', async (_name, options) => {
    const written: string[] = [];
    vi.spyOn(DescriptorErrors.prototype, 'write').mockImplementation((text) => void written.push(text));
    const { port, errors } = await started(application, { requestTimeout: 250, ...options });
    for (const bytes of NOTEWORTHY) {
      const client = await RawClient.open(port);
      client.send(bytes);
      // Where an error cannot be logged there is no error page either.
      await until(() => client.receivedBytes > 0 || client.ended);
      client.socket.destroy();
    }
    await until(() => `${errors.text}${written.join('')}`.includes('the log is full'));
    const client = await RawClient.open(port);
    expect((await client.send(get('/')).response()).body.toString()).toBe('fine');
  });
});
