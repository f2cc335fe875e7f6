import { afterEach, describe, expect, it, vi } from 'vitest';
import { readEnviron } from '../../src/handlers.js';

afterEach(() => vi.unstubAllEnvs());

describe('readEnviron', () => {
  it.each([
    'SCRIPT_NAME',
    'PATH_INFO',
    'QUERY_STRING',
    'REQUEST_METHOD',
    'AUTH_TYPE',
    'CONTENT_TYPE',
    'CONTENT_LENGTH',
    'HTTPS',
    'REMOTE_USER',
    'REMOTE_IDENT',
    'HTTP_X_TEST',
    'SSL_CLIENT_S_DN',
    'REDIRECT_PATH_INFO',
    'REDIRECT_REDIRECT_HTTP_X',
  ])('has the bytes of %s, one a character', (name) => {
    vi.stubEnv(name, '/\u20ac');
    expect(readEnviron()[name]).toBe('/\xe2\x82\xac');
  });

  it.each(['HOME_PAGE', 'REDIRECT_STATUS', 'XHTTP_A'])('leaves %s, which is no part of the request', (name) => {
    vi.stubEnv(name, '/\u20ac');
    expect(readEnviron()[name]).toBe('/\u20ac');
  });

  it('takes a U+FFFD that was set in this process for what it is', () => {
    vi.stubEnv('PATH_INFO', '/\ufffd');
    expect(readEnviron().PATH_INFO).toBe('/\xef\xbf\xbd');
  });

  it('is a copy', () => {
    readEnviron().UWSGIREF_TEST = 'x';
    expect(process.env.UWSGIREF_TEST).toBeUndefined();
  });
});
