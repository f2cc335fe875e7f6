import { existsSync } from 'node:fs';
import { describe, it } from 'vitest';
import { checkCgi, checkUnreadBody, UNREAD_BODY } from './checks.js';
import { cgiProgram, type Place, RUN_BY_ROOT, startedWebServer } from './web-server.js';

const APACHE = '/usr/sbin/apache2';
const MODULES = '/usr/lib/apache2/modules';

const configuration = ({ folder, documents, port, log }: Place) => `
LoadModule mpm_event_module ${MODULES}/mod_mpm_event.so
LoadModule authz_core_module ${MODULES}/mod_authz_core.so
LoadModule alias_module ${MODULES}/mod_alias.so
LoadModule cgid_module ${MODULES}/mod_cgid.so
${RUN_BY_ROOT ? 'User www-data\nGroup www-data' : ''}
Listen 127.0.0.1:${port}
ServerName 127.0.0.1
ServerRoot "${folder}"
DefaultRuntimeDir "${folder}"
PidFile "${folder}/apache.pid"
ScriptSock "${folder}/cgid.sock"
ErrorLog "${log}"
DocumentRoot "${documents}"
ScriptAlias "/app.cgi" "${documents}/app.cgi"
`;

const installed = existsSync(APACHE);
const documents = installed ? await cgiProgram() : '';

describe.skipIf(!installed)(`CGIHandler under Apache${installed ? '' : ', which is not installed here'}`, () => {
  const started = () => startedWebServer(APACHE, ['-D', 'FOREGROUND'], documents, configuration);
  checkCgi(started);
  // mod_cgid has one socket for both standard streams, which is reset if the program ends with bytes of it unread.
  it(UNREAD_BODY, async () => checkUnreadBody(await started()));
});
