import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { flagOf, SETTINGS, type SettingName, variableOf } from '../../src/configuration/schema.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const FILES = readdirSync(join(root, 'deploy'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => join(parentPath, name).slice(root.length));

/** The first group of the one match; seconds where it is a time. */
function found(text: string, pattern: RegExp): string {
  const [, group] = pattern.exec(text) ?? [];
  if (group === undefined) throw new Error(`There is no ${pattern}`);
  return group;
}

/** The default of a timeout, in seconds. */
function secondsOf(name: 'gracefulTimeout' | 'bodyTimeout' | 'requestTimeout' | 'keepAliveTimeout'): number {
  const [, seconds] = /^(\d+)s$/.exec(SETTINGS[name].default) ?? [];
  return Number(seconds);
}

describe.each(FILES)('%s', (path) => {
  const names = Object.keys(SETTINGS) as SettingName[];

  it('names settings that there are', () => {
    const text = read(path);
    const variables = text.match(/\bUWSGIREF_[A-Z_]+/g) ?? [];
    expect(variables.filter((variable) => !names.map(variableOf).includes(variable))).toEqual([]);
    // In comments: the flags of an instance.
    const flags = [...text.matchAll(/^# {2}.*$/gm)].flatMap(([line]) => line.match(/--[a-z-]+/g) ?? []);
    expect(flags.filter((flag) => !names.map(flagOf).includes(flag))).toEqual([]);
  });
});

describe('timeouts', () => {
  const haproxy = read('deploy/haproxy.cfg');
  const nginx = read('deploy/nginx.conf');
  const service = read('deploy/systemd/uwsgiref.service');
  const manifest = read('deploy/kubernetes.yaml');

  it('proxies wait longer than the server does, for a body and for an answer', () => {
    expect(Number(found(haproxy, /timeout client (\d+)s/))).toBeGreaterThan(secondsOf('bodyTimeout'));
    const requestTimeout = secondsOf('requestTimeout');
    expect(Number(found(haproxy, /timeout server (\d+)s/))).toBeGreaterThan(requestTimeout);
    expect(Number(found(nginx, /proxy_read_timeout (\d+)s/))).toBeGreaterThan(requestTimeout);
  });

  it('proxies close connections before the server does, or once it has', () => {
    const keepAliveTimeout = secondsOf('keepAliveTimeout');
    expect(Number(found(nginx, /closes them after (\d+) s,/))).toBeLessThan(keepAliveTimeout);
    expect(Number(found(nginx, /the instance does after (\d+) s/))).toBe(keepAliveTimeout);
    expect(Number(found(read('deploy/haproxy-tcp.cfg'), /timeout client (\d+)s/))).toBeGreaterThan(keepAliveTimeout);
  });

  it('whoever stops the server gives it more time than it gives its requests', () => {
    const gracefulTimeout = secondsOf('gracefulTimeout');
    expect(Number(found(service, /^TimeoutStopSec=(\d+)s$/m))).toBeGreaterThan(gracefulTimeout);
    const pause = Number(found(manifest, /; sleep (\d+)'/));
    expect(Number(found(manifest, /terminationGracePeriodSeconds: (\d+)/))).toBeGreaterThan(pause + gracefulTimeout);
  });
});

describe('deploy/kubernetes.yaml', () => {
  const documents = read('deploy/kubernetes.yaml').split(/^---$/m);
  const [deployment = '', service = '', budget = '', autoscaler = ''] = documents;

  it('its objects mean each other', () => {
    const kinds = documents.map((document) => found(document, /^kind: (\w+)$/m));
    expect(kinds).toEqual(['Deployment', 'Service', 'PodDisruptionBudget', 'HorizontalPodAutoscaler']);
    const label = '{ app: application }';
    expect(deployment.split(label).length - 1).toBe(3);
    for (const document of [service, budget]) expect(document).toContain(label);
    expect(autoscaler).toContain(`kind: Deployment, name: ${found(deployment, /^ {2}name: (\w+)$/m)} }`);
  });

  it('its ports are ports of the container', () => {
    const ports = [...deployment.matchAll(/- \{ name: (\w+), containerPort: \d+ \}/g)].map(([, name]) => name);
    const used = [...deployment.matchAll(/port: (\w+) \}/g), ...service.matchAll(/targetPort: (\w+)/g)];
    expect(used.length).toBe(4);
    expect(used.map(([, name]) => name).filter((name) => !ports.includes(name))).toEqual([]);
  });
});

describe('deploy/Dockerfile', () => {
  const dockerfile = read('deploy/Dockerfile');

  it('keeps a uSockets that there is', () => {
    const [, name = ''] = /! -name "(uws_\S+)"/.exec(dockerfile) ?? [];
    const file = name.replace(/\$\(.*\)/, process.arch);
    expect(existsSync(join(root, 'node_modules/uWebSockets.js/dist/bin', file))).toBe(true);
  });
});
