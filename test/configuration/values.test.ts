import { describe, expect, it } from 'vitest';
import {
  formatBind,
  formatPermissions,
  formatRate,
  parseBind,
  parseDuration,
  parsePermissions,
  parseRate,
  parseSize,
} from '../../src/configuration/values.js';

describe('parseDuration', () => {
  it.each([
    ['250', 250],
    ['500ms', 500],
    ['30s', 30_000],
    ['1.1s', 1100],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['0', 0],
    ['10 s', 10_000],
  ])('%s', (text, milliseconds) => expect(parseDuration(text)).toBe(milliseconds));

  it.each(['', 's', '-1s', '1 week', '30S', '1e3', '1s 2s', '.5s', '0x10'])("'%s' is none", (text) => {
    expect(parseDuration(text)).toBeNaN();
  });
});

describe('parseSize', () => {
  it.each([
    ['512', 512],
    ['512B', 512],
    ['512KiB', 524_288],
    ['2MB', 2_000_000],
    ['1.5kB', 1500],
    ['1GiB', 2 ** 30],
    ['1tib', 2 ** 40],
  ])('%s', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  // A lone K is 1000 to some and 1024 to others.
  it.each(['', '1K', '1G', '-1', '1 EiB', 'KiB', '1,5MB'])("'%s' is none", (text) => {
    expect(parseSize(text)).toBeNaN();
  });
});

describe('parseRate', () => {
  it('reads a size a second, and is formatRate backwards', () => {
    expect(['2MB/s', '512KiB/s', '1.5 kB/s', '100B/s'].map(parseRate)).toEqual([2_000_000, 524_288, 1500, 100]);
    expect(['', '/s', '2MB', '2MBs', '2 MB / s', '-1B/s'].map(parseRate)).toEqual(Array(6).fill(Number.NaN));
    for (const rate of [2_000_000, 524_288, 100_000]) expect(parseRate(String(formatRate(rate)))).toBe(rate);
    expect(formatRate(0)).toBe(0);
  });
});

describe('parsePermissions', () => {
  it('reads octal alone, and is formatPermissions backwards', () => {
    expect(['027', '0o027', '27', '0660'].map(parsePermissions)).toEqual([0o27, 0o27, 0o27, 0o660]);
    expect(['', '8', '0x27', '-1', '12345', 'rwx'].map(parsePermissions)).toEqual(Array(6).fill(Number.NaN));
    for (const bits of [0, 0o7, 0o27, 0o777]) expect(parsePermissions(formatPermissions(bits))).toBe(bits);
  });
});

describe('parseBind', () => {
  it.each([
    ['127.0.0.1:8000', { host: '127.0.0.1', port: 8000 }],
    ['[::1]:8000', { host: '::1', port: 8000 }],
    ['[fe80::1%eth0]:1', { host: 'fe80::1%eth0', port: 1 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    [':8000', { host: '', port: 8000 }],
    ['unix:/run/app.sock', { path: '/run/app.sock' }],
    ['unix:/run/app.sock?mode=660', { path: '/run/app.sock', mode: 0o660 }],
    ['unix:a:b?c', { path: 'a:b?c' }],
    ['unix:@app', { path: '@app' }],
    ['fd:3', { fd: 3 }],
  ])('%s, and formatBind backwards', (text, bind) => {
    expect(parseBind(text)).toEqual(bind);
    expect(formatBind(parseBind(text)!)).toBe(text);
  });

  it.each([
    ...['', '8000', 'host', 'host:', '::1:8000', '[::1]', 'a:b:1', '127.0.0.1:65536', 'http://127.0.0.1:80', 'a b:1'],
    ...['unix:', 'unix:/a?mode=', 'unix:/a?mode=8', 'unix:/a?mode=1777', 'fd:', 'fd:-1', 'fd:2147483648', 'fd:x'],
  ])("'%s' is none", (text) => expect(parseBind(text)).toBeUndefined());
});
