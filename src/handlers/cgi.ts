/** Gateways for CGI (RFC 3875) and protocols like it. */

import { promiseOf } from '../protocols.js';
import { DescriptorErrors, DescriptorInput, DescriptorOutput } from '../streams.js';
import type { Application } from '../types.js';
import { readEnviron } from './read-environ.js';
import { SimpleHandler } from './simple.js';

/** For CGI-like protocols whose server wants the status in a `Status:` field. */
export class BaseCGIHandler extends SimpleHandler {
  override originServer = false;
}

/** What {@link CGIHandler} and {@link IISCGIHandler} share: one request, then the process ends. */
class ProcessCGIHandler extends BaseCGIHandler {
  override wsgiRunOnce = true;
  // The request's own variables are all there is, so that nothing of an earlier request in this process can show.
  override osEnviron = {};

  constructor(environ: Record<string, string>) {
    // The client's `Proxy` field, not a setting of this machine: HTTP libraries would believe it (CVE-2016-1000110).
    delete environ.HTTP_PROXY;
    const stdin = new DescriptorInput(0, bodyRange(environ.CONTENT_LENGTH));
    super(stdin, new DescriptorOutput(1), new DescriptorErrors(2), environ, false, true);
  }

  override run(application: Application): void | Promise<void> {
    const running = promiseOf(super.run(application));
    if (running === undefined) this.readRest();
    else return running.then(() => this.readRest());
  }

  /**
   * Reads what the application left of the body. Apache's mod_cgid has one socket for both standard streams: closed
   * with bytes unread it is reset, and the response is lost.
   */
  private readRest(): void {
    const { CONTENT_LENGTH, HTTP_TRANSFER_ENCODING } = this.baseEnv;
    if (!CONTENT_LENGTH && HTTP_TRANSFER_ENCODING === undefined) return;
    try {
      while (this.stdin.read(65536).length > 0);
    } catch {
      // There is no body to read, and the response is complete.
    }
  }
}

/** Serves the request of a CGI program from its environment and standard streams: `new CGIHandler().run(app)`. */
export class CGIHandler extends ProcessCGIHandler {
  constructor() {
    super(readEnviron());
  }
}

/**
 * The same for Microsoft IIS, which repeats `SCRIPT_NAME` at the front of `PATH_INFO` unless `allowPathInfo` (IIS 7
 * and later) or `allowPathInfoForScriptMappings` is set.
 */
export class IISCGIHandler extends ProcessCGIHandler {
  constructor() {
    const environ = readEnviron();
    const { PATH_INFO: path = '', SCRIPT_NAME: script = '' } = environ;
    if (`${path}/`.startsWith(`${script}/`)) environ.PATH_INFO = path.slice(script.length);
    super(environ);
  }
}

// RFC 3875 §4.2: a script must not read more than CONTENT_LENGTH bytes, even where more can be read. Without one, a
// body that came in chunks ends where the stream does.
function bodyRange(contentLength: string | undefined): { length?: number } {
  return contentLength !== undefined && /^[0-9]+$/.test(contentLength) ? { length: Number(contentLength) } : {};
}
