/** The hello world that workers and logs are measured with. */
const HELLO = Buffer.from('Hello world!\n');

/** @type {import('../../dist/index.js').Application} */
export const app = (_environ, startResponse) => {
  startResponse('200 OK', [
    ['Content-Type', 'text/plain'],
    ['X-Pid', String(process.pid)],
  ]);
  return [HELLO];
};
