import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { Program } from '../server/fixtures/program.js';
import { temporaryFolder } from '../server/fixtures/started-server.js';

const main = join(compiledPackage(), 'dist/cli/main.js');

async function check(source: string, ...args: string[]): Promise<Program> {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'app.mjs'), source);
  const program = new Program(process.execPath, [main, 'check', 'app.mjs', ...args], { cwd: folder });
  await program.ended;
  return program;
}

const TEXT = "[['Content-Type', 'text/plain']]";

describe('uwsgiref check', () => {
  it('is content with an application that keeps the rules, and says how each request was answered', async () => {
    const program = await check(
      `export const app = (environ, startResponse) => {
         environ['wsgi.errors'].write('a word of the application\\n');
         startResponse(environ.PATH_INFO.startsWith('/there/no') ? '404 Not Found' : '200 OK', ${TEXT});
         return [environ['wsgi.input'].read(100), environ.QUERY_STRING];
       };`,
      '--request-path',
      '/there',
    );
    expect(program.output.split('\n')).toEqual([
      'ok     GET /there: 200 OK, 0 bytes',
      'ok     HEAD /there: 200 OK, 0 bytes',
      'ok     GET /there?name=value&encoded=%C3%A9%20%26&name=again: 200 OK, 42 bytes',
      'ok     POST /there, a form: 200 OK, 10 bytes',
      'ok     POST /there, chunked: 200 OK, 7 bytes',
      'ok     GET /there/no/such/p%C3%A1th: 404 Not Found, 0 bytes',
      'ok     GET /there, its first byte: 200 OK, 0 bytes',
      'ok     GET /there, if it has changed: 200 OK, 0 bytes',
      'ok     OPTIONS /there: 200 OK, 0 bytes',
      'app.mjs: 9 requests, the validator found nothing',
      '',
    ]);
    expect(program.errorOutput).toBe('a word of the application\n'.repeat(9));
    expect(await program.ended).toBe(0);
  });

  it('is content with the demo application, and with an asynchronous one', async () => {
    const demo = new Program(process.execPath, [main, 'check', 'uwsgiref/simple-server:demoApp']);
    expect([await demo.ended, demo.errorOutput]).toEqual([0, '']);
    const later = await check(
      `setInterval(() => {}, 1000);
       export default async function* (environ, startResponse) {
         startResponse('200 OK', ${TEXT});
         yield 'later';
       }`,
    );
    expect([await later.ended, later.errorOutput]).toEqual([0, '']);
  });

  it.each([
    [
      "startResponse('200 OK', []); return ['x'];",
      /No Content-Type .* \(PEP 3333, The start_response\(\) Callable\)$/m,
    ],
    [`startResponse('OK', ${TEXT}); return ['x'];`, /Status codes .* \(PEP 3333, The start_response\(\) Callable\)$/m],
    [
      `startResponse('200', ${TEXT}); return ['x'];`,
      /Status should .* \(PEP 3333, The start_response\(\) Callable\)$/m,
    ],
    ["return ['x'];", /startResponse has not been called \(PEP 3333, The start_response\(\) Callable\)$/m],
    [`startResponse('200 OK', ${TEXT}); return 'x';`, /Return \[body\].* \(PEP 3333, Specification Details\)$/m],
    [`startResponse('200 OK', ${TEXT}); return [1];`, /Uint8Array or a string \(PEP 3333, Specification Details\)$/m],
    [`startResponse('200 OK', ${TEXT})(1); return [];`, /write\(\) got 1.* \(PEP 3333, The write\(\) Callable\)$/m],
    ["environ['wsgi.input'].read(); return [];", /read\(\) must .* \(PEP 3333, Input and Error Streams\)$/m],
    [
      `startResponse('200 OK', [['Content-Length', '2'], ...${TEXT}]); return ['x'];`,
      /less than its Content-Length.* \(PEP 3333, Handling the Content-Length Header\)$/m,
    ],
    [
      `startResponse('200 OK', [['Connection', 'close'], ...${TEXT}]); return ['x'];`,
      /hop-by-hop header Connection .* \(PEP 3333, Other HTTP Features\)$/m,
    ],
    [
      "throw new Error('on purpose');",
      /^ {7}Error: on purpose\n {11}at app \(file:\S+\/app.mjs:1:\d+\)\nwrong {2}HEAD/m,
    ],
    [
      `const head = environ.REQUEST_METHOD === 'HEAD'; startResponse(head ? '404 No' : '200 OK', ${TEXT}); return [];`,
      /^wrong {2}HEAD \/: 404 No, 0 bytes\n {7}HEAD is to be answered as GET, which had 200 \(RFC 9110 §9\.3\.2\)$/m,
    ],
    [
      `startResponse(environ.HTTP_RANGE ? '206 Part' : '200 OK', ${TEXT}); return ['abc'];`,
      /^wrong {2}GET \/, its first byte: 206 Part, 3 bytes\n {7}206 without Content-Range/m,
    ],
  ])('finds the fault of %s, and exits with 1', async (body, complaint) => {
    const program = await check(`export const app = (environ, startResponse) => { ${body} };`);
    expect(program.output).toMatch(complaint);
    expect(program.output).toMatch(/^app\.mjs: 9 requests, \d of which went wrong\n$/m);
    expect([await program.ended, program.errorOutput]).toEqual([1, '']);
  });

  it('says the same thing once', async () => {
    const { output } = await check('export const app = () => { throw new Error("on purpose"); };');
    expect(output.match(/on purpose/g)).toHaveLength(1);
    expect(output).toMatch(/^wrong {2}OPTIONS \/: 500 Internal Server Error, 59 bytes; as for GET \/$/m);
  });

  it('says in one line that there is nothing to check', async () => {
    for (const [source, ...args] of [['export const other = 1;'], ['export const app = 1', '--request-path', 'a b']]) {
      const program = await check(source!, ...args);
      expect(await program.ended).toBe(1);
      expect(program.errorOutput).toMatch(/^uwsgiref: [^\n]+\n$/);
    }
  });
});
