/** The type of configuration files. Made from the table of settings by `npm run document`. */

/** Where to listen, as in '127.0.0.1:8000', '[::1]:8000', ':8000', 'unix:/run/app.sock?mode=660' or 'fd:3'. */
export type Place =
  | string
  | { host: string; port: number }
  | { path: string; mode?: string | undefined }
  | { fd: number };

export interface CertificateFiles {
  key: string;
  cert: string;
  passphrase?: string | undefined;
  ciphers?: string | undefined;
}

/** What `uwsgiref.config.ts` and its like export. */
export interface ConfigurationFile {
  /** What to serve: a module and its export, './app.js:app'; the argument of `serve`. Default: none. */
  app?: string;
  /**
   * Where to listen: 127.0.0.1:8000, [::1]:8000, unix:/run/app.sock?mode=660 or fd:3; may be given again. Default:
   * 127.0.0.1:8000.
   */
  bind?: Place | Place[];
  /** Address to listen at, in place of bind; 0.0.0.0 or :: for every one. Default: 127.0.0.1. */
  host?: string;
  /** Port to listen at, in place of bind; 0 picks a free one. Default: 8000. */
  port?: number;
  /** Unix socket to listen at, in place of bind, host and port. Default: none. */
  path?: string;
  /** Where to listen for those who run the server: 127.0.0.1:9000 or unix:/run/app-admin.sock. Default: nowhere. */
  admin?: Place;
  /** Serve HTTPS: the certificate and its chain, a PEM file; SIGHUP reads it again. Default: no TLS. */
  tlsCert?: string;
  /** The certificate's key, a PEM file. Default: none. */
  tlsKey?: string;
  /** What opens an encrypted key. Default: none. */
  tlsPassphrase?: string;
  /** Ciphers of TLS 1.2, in OpenSSL's form; those of TLS 1.3 are fixed. Default: uSockets' own. */
  tlsCiphers?: string;
  /** Authorities of client certificates, a PEM file: clients without one are refused. Default: nobody is asked. */
  tlsCa?: string;
  /** Whether clients that show no certificate are refused; with tlsCa. Default: required. */
  tlsClientCertificate?: 'required' | 'optional';
  /** Other certificates, by the host name that a client asks for: `{ key, cert }`. Default: none. */
  tlsSni?: Record<string, CertificateFiles>;
  /** Processes that serve; auto: one a processor; 0: this one, without a supervisor. Default: 1. */
  workers?: number | 'auto';
  /** For requests in hand when a process is to end, before their connections are cut. Default: 30s. */
  gracefulTimeout?: number | string;
  /** Until a worker has to be ready. Default: 30s. */
  startTimeout?: number | string;
  /** How long a worker's event loop may be stuck before it is replaced; 0: for ever. Default: 30s. */
  watchdog?: number | string;
  /** Requests after which a worker is replaced; 0: never. Default: 0. */
  maxRequests?: number;
  /** Up to so many requests more, at random, so that workers are not replaced all at once. Default: 0. */
  maxRequestsJitter?: number;
  /** Bytes that a worker may hold in memory before it is replaced; 0: any. Default: 0. */
  maxMemory?: number | string;
  /** Restart when a module changes, for development. Default: false. */
  reload?: boolean;
  /** File that holds the process id for as long as the server runs. Default: none. */
  pidFile?: string;
  /**
   * Directory to work in; paths of the application and of files are relative to it. Default: where the command is run.
   */
  chdir?: string;
  /** Who to become once the sockets are bound: a name or number; needs root. Default: who starts it. */
  user?: number | string;
  /** Group to become a member of, likewise. Default: the user's own. */
  group?: number | string;
  /** Permissions that new files do not get, in octal: 027. Default: that of whoever starts it. */
  umask?: string;
  /**
   * Format: combined, common, json, short, coloured, or a string with gunicorn's atoms; off; auto: coloured on a
   * terminal, combined elsewhere. Default: auto.
   */
  accessLog?: string;
  /** File that lines are appended to. Default: standard output. */
  accessLogFile?: string;
  /** How errors of the application are written to standard error. Default: text. */
  errorLog?: 'text' | 'json';
  /** Connections that may wait to be accepted. Default: as many as the system lets. */
  backlog?: number;
  /**
   * `wsgi.multiprocess`: whether other processes run the application at the same time. Default: true with more than one
   * worker.
   */
  multiprocess?: boolean;
  /** Bytes of a request head; 431 beyond. Default: 16KiB. */
  maxHeadSize?: number | string;
  /** Bytes of a request target; 414 beyond. Default: 8KiB. */
  maxTargetLength?: number | string;
  /** Field lines of a request; 431 beyond. Default: 100. */
  maxFields?: number;
  /** Bytes of a request body; 413 beyond. Default: 1GiB. */
  maxBodySize?: number | string;
  /** Connections at a time, of a process; what comes beyond is closed at once. Default: 50000. */
  maxConnections?: number;
  /** Connections at a time of one IPv4 address, or one IPv6 network of 64 bits; 0: any. Default: 0. */
  maxConnectionsPerAddress?: number;
  /** Requests of one connection, the last of which is told to close; 0: any. Default: 0. */
  maxRequestsPerConnection?: number;
  /** Pipelined requests of one connection that run at the same time. Default: 16. */
  maxPipelined?: number;
  /** Bytes of an answer that wait for the client before its application does. Default: 64KiB. */
  maxQueuedBytes?: number | string;
  /**
   * Bytes of a file that leaves in one write with its head, rather than by sendfile(2); 0: none does. Default: 16KiB.
   */
  smallFileSize?: number | string;
  /** Bytes a second that a request body must come at, after 5 seconds; 0: any. Default: 240. */
  minUploadRate?: number | string;
  /**
   * Bytes a second that must reach a client which something waits for, on average of each sendTimeout; 0: any. Default:
   * 240.
   */
  minDownloadRate?: number | string;
  /** Bytes a second that one connection is sent at most, over TCP on Linux, as 2MB/s; 0: any. Default: 0. */
  rate?: number | string;
  /**
   * For a request head, from its first byte or the connection's opening; 0: for ever, as for all of these. Default:
   * 30s.
   */
  headersTimeout?: number | string;
  /** Between two pieces of a request body. Default: 30s. */
  bodyTimeout?: number | string;
  /** Until an application has begun its answer; 504 beyond. Default: 60s. */
  requestTimeout?: number | string;
  /** Without any byte of an answer that reaches a client which something waits for. Default: 30s. */
  sendTimeout?: number | string;
  /** Between two requests of a connection. Default: 75s. */
  keepAliveTimeout?: number | string;
  /**
   * Who is believed about its clients: addresses, blocks such as 10.0.0.0/8, and 'unix:', by commas. Default: nobody.
   */
  trustedProxies?: string | string[];
  /** What these are believed. Default: x-forwarded. */
  forwardedFields?: 'x-forwarded' | 'forwarded';
  /** Connections of these begin with a PROXY header. Default: false. */
  proxyProtocol?: boolean;
  /** The Server field of answers that set none; none: no field. Default: `uwsgiref/<version>`. */
  serverHeader?: string | null;
  /** How to serve files. */
  static?: StaticSettings;
}

/** What a directory is served by. */
export interface StaticSettings {
  /** File that stands for its directory; may be given again. Default: index.html. */
  index?: string | string[];
  /** Show what is in a directory that has no index. Default: false. */
  listing?: boolean;
  /** Cache-Control, as '*.html: no-cache'; may be given again. Default: no such field. */
  cacheControl?: string | Record<string, string>;
  /** Send file.br, file.zst or file.gz in place of file. Default: false. */
  precompressed?: boolean | ('br' | 'zstd' | 'gzip')[];
  /** What to send where there is no file, to requests without an extension. Default: none. */
  fallback?: string;
  /** Files to save rather than show, '**' for all; may be given again. Default: false. */
  download?: boolean | string | string[];
  /** Symbolic links to follow. Default: beneath. */
  symlinks?: 'beneath' | 'follow' | 'never';
  /** What to do about hidden names. Default: ignore. */
  dotfiles?: 'ignore' | 'deny' | 'allow';
  /** How many files stay open from one request to the next; false: none. Default: 1000. */
  openFileCache?: boolean | number | { max?: number | undefined; revalidateMs?: number | undefined };
  /** Bytes a second that one connection is sent of a file at most, as 2MB/s; 0: any. Default: the server's. */
  rate?: number | string;
}
