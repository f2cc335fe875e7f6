/**
 * A slow disk: a control group whose processes may read so many bytes a second from the disk that a directory lies on.
 * It takes root, and a kernel with one of the two versions of control groups (cgroup v1 `blkio`, cgroup v2 `io`).
 */
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const V1 = '/sys/fs/cgroup/blkio';
const V2 = '/sys/fs/cgroup';

export class DiskThrottle {
  /** @param {string} group the control group's directory */
  constructor(group) {
    this.group = group;
  }

  /**
   * @param {string} directory on the disk
   * @param {number} bytesPerSecond
   * @throws when this is not to be had
   */
  static create(directory, bytesPerSecond) {
    const isV1 = existsSync(V1);
    const group = join(isV1 ? V1 : V2, `uwsgiref-bench-${process.pid}`);
    mkdirSync(group);
    const throttle = new DiskThrottle(group);
    try {
      const disk = diskOf(directory);
      if (isV1) writeFileSync(join(group, 'blkio.throttle.read_bps_device'), `${disk} ${bytesPerSecond}`);
      else writeFileSync(join(group, 'io.max'), `${disk} rbps=${bytesPerSecond}`);
    } catch (error) {
      throttle.remove();
      throw error;
    }
    return throttle;
  }

  /** @param {readonly number[]} pids processes that are slowed down from now on */
  add(pids) {
    for (const pid of pids) writeFileSync(join(this.group, 'cgroup.procs'), String(pid));
  }

  /** Once its processes have ended. */
  remove() {
    rmdirSync(this.group);
  }
}

/**
 * @param {string} directory
 * @returns {string} major and minor number of the whole disk: a partition has no limits of its own
 */
function diskOf(directory) {
  const { dev } = statSync(directory);
  const number = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`;
  const device = `/sys/dev/block/${number}`;
  if (!existsSync(device)) throw new Error(`${directory} lies on no disk (${number})`);
  if (!existsSync(join(device, 'partition'))) return number;
  const disk = basename(dirname(readlinkSync(device)));
  return readFileSync(`/sys/block/${disk}/dev`, 'utf8').trim();
}
