/**
 * Ends a process whose event loop is stuck, with a word on what it was doing: nobody else can, since a signal handler
 * would wait for the loop as well.
 */

import { writeSync } from 'node:fs';
import { Session } from 'node:inspector';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

interface Watched {
  /** Counts the turns of the watched loop. */
  readonly beats: Int32Array;
  /** Milliseconds between two looks. */
  readonly period: number;
  /** Looks without a beat before the process is ended. */
  readonly patience: number;
  readonly limit: number;
}

const LOOKS = 5;
/** How long the stuck thread has to say where it is. Milliseconds. */
const STACK_TIMEOUT = 500;
/** Where the watched thread has a function that tells, in lines, what it has in hand. */
const IN_HAND = 'uwsgiref.inHand';

/**
 * Watches the calling thread's event loop from now on.
 *
 * @param limit how long it may be stuck, in milliseconds, before the process is killed
 * @param inHand tells, in lines, what the thread has in hand; called in the midst of whatever it is stuck in
 */
export function watchEventLoop(limit: number, inHand: () => string[]): void {
  (globalThis as Record<symbol, unknown>)[Symbol.for(IN_HAND)] = () => inHand().join('\n');
  const beats = new Int32Array(new SharedArrayBuffer(4));
  const period = limit / LOOKS;
  const watched: Watched = { beats, period, patience: LOOKS, limit };
  const thread = new Worker(fileURLToPath(import.meta.url), { workerData: watched, stdin: false, execArgv: [] });
  thread.unref();
  setInterval(() => Atomics.add(beats, 0, 1), period / 2).unref();
}

/** Looks are counted, and not the clock: a process that was stopped, or a machine that slept, is given its time. */
function watch({ beats, period, patience, limit }: Watched): void {
  let last = -1;
  let without = 0;
  const timer = setInterval(() => {
    const now = Atomics.load(beats, 0);
    without = now === last ? without + 1 : 0;
    last = now;
    if (without < patience) return;
    clearInterval(timer);
    whatIsRunning((what) => {
      writeSync(2, `uwsgiref: the event loop of worker ${process.pid} was stuck for ${limit} ms, in\n${what}\n`);
      process.kill(process.pid, 'SIGKILL');
    });
  }, period);
}

/** Interrupts the main thread and asks where it is. */
function whatIsRunning(tell: (stack: string) => void): void {
  const session = new Session();
  const scripts = new Map<string, string>();
  session.connectToMainThread();
  session.on('Debugger.scriptParsed', ({ params }) => scripts.set(params.scriptId, params.url));
  session.on('Debugger.paused', ({ params }) => {
    const frames = params.callFrames.map(({ functionName, location }) => {
      const place = `${scripts.get(location.scriptId)}:${location.lineNumber + 1}:${(location.columnNumber ?? 0) + 1}`;
      return `    at ${functionName || '<anonymous>'} (${place})`;
    });
    session.post(
      'Debugger.evaluateOnCallFrame',
      { callFrameId: params.callFrames[0]!.callFrameId, expression: `globalThis[Symbol.for('${IN_HAND}')]()` },
      (_, answer) => tell([...frames, ...(answer?.result.value ? [answer.result.value] : [])].join('\n')),
    );
  });
  session.post('Debugger.enable');
  session.post('Debugger.pause');
  setTimeout(
    () => tell('    a call that JavaScript waits for, such as one of execSync() or Atomics.wait()'),
    STACK_TIMEOUT,
  );
}

if (!isMainThread && workerData !== null) watch(workerData as Watched);
