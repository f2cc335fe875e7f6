import { existsSync } from 'node:fs';
import { describe, it } from 'vitest';
import { checkCgi, checkUnreadBody, UNREAD_BODY } from './checks.js';
import { cgiProgram, type Place, startedWebServer } from './web-server.js';

const LIGHTTPD = '/usr/sbin/lighttpd';

// It refuses paths that are no UTF-8 unless told otherwise.
const configuration = ({ folder, documents, port, log }: Place) => `
server.modules = ("mod_cgi")
server.bind = "127.0.0.1"
server.port = ${port}
server.document-root = "${documents}"
server.upload-dirs = ("${folder}")
server.errorlog = "${log}"
server.breakagelog = "${log}"
server.http-parseopts = ("url-invalid-utf8-reject" => "disable")
cgi.assign = (".cgi" => "")
`;

const installed = existsSync(LIGHTTPD);
const documents = installed ? await cgiProgram() : '';

describe.skipIf(!installed)(`CGIHandler under lighttpd${installed ? '' : ', which is not installed here'}`, () => {
  const started = () => startedWebServer(LIGHTTPD, ['-D'], documents, configuration);
  checkCgi(started);
  it(UNREAD_BODY, async () => checkUnreadBody(await started()));
});
