/** Durations, sizes, permissions and places to listen, as people write them, and numbers of workers. */

/** Where to listen. */
export type Bind = { host: string; port: number } | { path: string; mode?: number } | { fd: number };

/** How many workers a server can have: a slip of the finger is not to take the machine's last process. */
export const MOST_WORKERS = 1024;

const MILLISECONDS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BYTES: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const SPELLINGS: Record<string, string> = Object.fromEntries(
  ['kB', 'MB', 'GB', 'TB', 'KiB', 'MiB', 'GiB', 'TiB'].map((unit) => [unit.toLowerCase(), unit]),
);

export const DURATION = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)?$/;
// Without the flag i, which a JSON schema has not.
export const SIZE = /^(\d+(?:\.\d+)?) ?((?:[kKmMgGtT][iI]?)?[bB])?$/;
export const RATE = new RegExp(`${SIZE.source.slice(0, -1)}/s$`);
export const PERMISSIONS = /^(?:0o)?[0-7]{1,4}$/;
export const BIND = /^(?:unix:.+|fd:\d+|(?:\[[\da-fA-F:.]+(?:%\w+)?\]|[^[\]:/\s]*):\d+)$/;

/** @returns milliseconds; NaN where the text is no duration */
export function parseDuration(text: string): number {
  return scaled(DURATION.exec(text), MILLISECONDS, 'ms');
}

/** @returns bytes; NaN where the text is no size */
export function parseSize(text: string): number {
  return scaled(SIZE.exec(text), BYTES, 'b');
}

/** @returns bytes a second; NaN where the text is no rate: a size and `/s` */
export function parseRate(text: string): number {
  return text.endsWith('/s') ? parseSize(text.slice(0, -2)) : Number.NaN;
}

/** `1.1s` is 1100, though 1.1 * 1000 is not. */
function scaled(match: RegExpExecArray | null, units: Record<string, number>, unit: string): number {
  if (match === null) return Number.NaN;
  return Math.round(Number(match[1]) * (units[(match[2] ?? unit).toLowerCase()] ?? Number.NaN));
}

/** @returns the shortest that {@link parseDuration} takes for so many milliseconds */
export function formatDuration(milliseconds: number): number | string {
  return formatted(milliseconds, MILLISECONDS, 'ms');
}

/** @returns the shortest that {@link parseSize} takes for so many bytes; a number below a thousand */
export function formatSize(bytes: number): number | string {
  return formatted(bytes, BYTES, 'b');
}

/** @returns the shortest that {@link parseRate} takes for so many bytes a second; a number below a thousand */
export function formatRate(bytesPerSecond: number): number | string {
  const size = formatSize(bytesPerSecond);
  return typeof size === 'string' ? `${size}/s` : size;
}

/** In the largest unit that it is a multiple of. */
function formatted(value: number, units: Record<string, number>, smallest: string): number | string {
  const fitting = Object.entries(units).filter(([, size]) => value > 0 && value % size === 0);
  const [unit = smallest, size = 1] = fitting.sort(([, one], [, other]) => other - one)[0] ?? [];
  if (size === 1) return value;
  return `${value / size}${SPELLINGS[unit] ?? unit}`;
}

/** @returns the bits of an octal text as chmod(1) takes it; NaN where it is none */
export function parsePermissions(text: string): number {
  return PERMISSIONS.test(text) ? Number.parseInt(text.replace('0o', ''), 8) : Number.NaN;
}

/** @returns as {@link parsePermissions} takes it */
export function formatPermissions(bits: number): string {
  return bits.toString(8).padStart(3, '0');
}

/**
 * Reads `HOST:PORT`, `[IPv6]:PORT`, `:PORT` for every address, `unix:PATH`, `unix:PATH?mode=660` or `fd:NUMBER`.
 *
 * @returns undefined where the text names no place
 */
export function parseBind(text: string): Bind | undefined {
  if (!BIND.test(text)) return undefined;
  if (text.startsWith('unix:')) {
    const [, path = '', mode] = /^unix:(.+?)(?:\?mode=(.*))?$/s.exec(text) ?? [];
    return mode === undefined ? checked({ path }) : checked({ path, mode: parsePermissions(mode) });
  }
  if (text.startsWith('fd:')) return checked({ fd: Number(text.slice(3)) });
  const [, host = '', port] = /^(.*):(\d+)$/.exec(text) ?? [];
  return checked({ host: host.replace(/^\[|\]$/g, ''), port: Number(port) });
}

function checked(bind: Bind): Bind | undefined {
  if ('fd' in bind) return bind.fd < 2 ** 31 ? bind : undefined;
  if ('port' in bind) return bind.port <= 65_535 ? bind : undefined;
  return bind.mode === undefined || bind.mode <= 0o777 ? bind : undefined;
}

/** @returns as {@link parseBind} takes it */
export function formatBind(bind: Bind): string {
  if ('fd' in bind) return `fd:${bind.fd}`;
  if ('path' in bind)
    return `unix:${bind.path}${bind.mode === undefined ? '' : `?mode=${formatPermissions(bind.mode)}`}`;
  return `${bind.host.includes(':') ? `[${bind.host}]` : bind.host}:${bind.port}`;
}
