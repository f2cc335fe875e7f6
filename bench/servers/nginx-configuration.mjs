import { join } from 'node:path';
import { HELLO } from '../harness/scenarios.mjs';

/**
 * nginx set up for speed, as "Tuning NGINX for Performance" and the reference of ngx_http_core_module have it: one worker, sendfile
 * with tcp_nopush, no log, connections kept for ever, gzip_static, and TLS by the kernel where that has it (kTLS). It answers hello
 * from its configuration and files from disk; no application runs.
 *
 * @param {object} options
 * @param {number} options.port
 * @param {Pick<import('../harness/site.mjs').Site, 'directory' | 'root'>} options.site
 * @param {string} options.scratch directory for what nginx itself writes
 * @param {number} options.connections how many it must hold
 * @param {boolean} options.openFileCache with open_file_cache, set as its reference's example
 * @param {boolean} options.tuned as it is fastest over loopback, whatever its documentation says: see bench/README.md
 * @param {boolean} options.tls
 * @returns {string} the text of an nginx.conf
 */
export function nginxConfiguration({ port, site, scratch, connections, openFileCache, tuned, tls }) {
  return `
daemon off;
worker_processes 1;
worker_rlimit_nofile ${connections + 4096};
pid ${scratch}/nginx.pid;
error_log stderr error;
events { worker_connections ${connections}; multi_accept on; }
http {
  access_log off;
  sendfile on;
  tcp_nopush ${tuned ? 'off' : 'on'};
  keepalive_timeout 120s;
  keepalive_requests 1000000000;
  gzip_static on;
  gzip_vary on;
  ${openFileCache ? OPEN_FILE_CACHE : ''}
  types {
    text/html html; text/css css; application/javascript js; application/json json; image/svg+xml svg;
    image/png png; image/jpeg jpg; font/woff2 woff2;
  }
  default_type application/octet-stream;
  client_body_temp_path ${scratch}/body;
  proxy_temp_path ${scratch}/proxy;
  fastcgi_temp_path ${scratch}/fastcgi;
  uwsgi_temp_path ${scratch}/uwsgi;
  scgi_temp_path ${scratch}/scgi;
  server {
    listen 127.0.0.1:${port} ${tls ? 'ssl ' : ''}backlog=4096;
    ${tls ? tlsDirectives(site.directory) : ''}
    root ${site.root};
    location = / { default_type text/plain; return 200 "${HELLO}"; }
    location = /close { default_type text/plain; return 200 "${HELLO}"; }
    ${tuned ? LOCATIONS_OF_TUNED : ''}
  }
}
`;
}

/** With errors, or it would look for a compressed sibling of each picture anew. */
const OPEN_FILE_CACHE = `open_file_cache max=1000 inactive=20s; open_file_cache_valid 30s; open_file_cache_min_uses 2;
  open_file_cache_errors on;`;

/** Small files cost nginx less to read than to send by sendfile; the mix is of both, and best off as it is documented. */
const LOCATIONS_OF_TUNED = `location = /file/1k.bin { sendfile off; }
    location = /file/10k.bin { sendfile off; }
    location /assets/ { tcp_nopush on; }`;

/** @param {string} directory of key and certificate */
function tlsDirectives(directory) {
  return `ssl_certificate ${join(directory, 'cert.pem')};
    ssl_certificate_key ${join(directory, 'key.pem')};
    ssl_protocols TLSv1.3;
    ssl_conf_command Options KTLS;
    ssl_session_cache shared:bench:10m;
    ssl_buffer_size 16k;`;
}
