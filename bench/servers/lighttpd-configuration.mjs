/**
 * lighttpd set up for speed, as its "Performance" page has it: sendfile, no log, connections kept, enough descriptors.
 *
 * @param {{ port: number, root: string, connections: number }} options connections: how many it must hold
 * @returns {string} the text of a lighttpd.conf
 */
export function lighttpdConfiguration({ port, root, connections }) {
  return `
server.bind = "127.0.0.1"
server.port = ${port}
server.document-root = "${root}"
server.event-handler = "linux-sysepoll"
server.network-backend = "sendfile"
server.stat-cache-engine = "simple"
server.max-fds = ${connections + 4096}
server.max-connections = ${connections}
server.listen-backlog = 4096
server.max-keep-alive-requests = 1000000000
server.max-keep-alive-idle = 120
server.max-write-idle = 360
index-file.names = ( "hello.txt" )
mimetype.assign = ( ".txt" => "text/plain", ".bin" => "application/octet-stream", ".html" => "text/html", "" => "application/octet-stream" )
`;
}
