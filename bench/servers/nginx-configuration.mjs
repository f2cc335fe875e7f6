import { HELLO } from '../harness/scenarios.mjs';

/**
 * nginx set up for speed: one worker, sendfile, no log, connections kept for ever. It answers hello from its configuration
 * and files from disk, with a head as short as the others'; no application runs.
 *
 * @param {{ port: number, files: string, scratch: string, connections: number }} site directories for the files and for what
 *   nginx itself writes; how many connections it must hold
 * @returns {string} the text of an nginx.conf
 */
export function nginxConfiguration({ port, files, scratch, connections }) {
  return `
daemon off;
worker_processes 1;
pid ${scratch}/nginx.pid;
error_log stderr error;
events { worker_connections ${connections}; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 120s;
  keepalive_requests 1000000000;
  types { }
  client_body_temp_path ${scratch}/body;
  proxy_temp_path ${scratch}/proxy;
  fastcgi_temp_path ${scratch}/fastcgi;
  uwsgi_temp_path ${scratch}/uwsgi;
  scgi_temp_path ${scratch}/scgi;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = / { default_type text/plain; return 200 "${HELLO}"; }
    location /file/ { default_type application/octet-stream; alias ${files}/; etag off; max_ranges 0; }
  }
}
`;
}
