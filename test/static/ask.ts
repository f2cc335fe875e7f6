import { expect } from 'vitest';
import { type StaticOptions, staticFiles } from '../../src/static/index.js';
import type { Chunk, Environ, ResponseBody } from '../../src/types.js';
import { FileWrapper, setupTestingDefaults } from '../../src/util.js';
import { validator } from '../../src/validate.js';

export interface Answer {
  status: string;
  headers: Record<string, string>;
  body: string;
}

/** Asks `staticFiles` under the validator. `given` goes into the environ. */
export function ask(
  root: string,
  pathInfo: string,
  given: Record<string, unknown> = {},
  options: StaticOptions = {},
): Answer {
  const environ: Partial<Environ> = {
    QUERY_STRING: '',
    PATH_INFO: pathInfo,
    'wsgi.file_wrapper': FileWrapper,
    ...given,
  };
  setupTestingDefaults(environ);
  const answer: Answer = { status: '', headers: {}, body: '' };
  const result = validator(staticFiles(root, options))(environ, (status, headers) => {
    answer.status = status;
    answer.headers = Object.fromEntries(headers);
    expect(headers).toHaveLength(Object.keys(answer.headers).length);
    return () => undefined;
  }) as Iterable<Chunk> & ResponseBody;
  const body = Buffer.concat([...result].map((block) => Buffer.from(block as Uint8Array)));
  void result.close?.();
  answer.body = body.toString();
  const length = answer.headers['Content-Length'];
  if (environ.REQUEST_METHOD === 'GET' && !answer.status.startsWith('304')) expect(length).toBe(String(body.length));
  return answer;
}
