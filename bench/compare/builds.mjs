/**
 * Builds of commits, each in a temporary worktree of its own, so that neither the working tree nor its build is touched.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChild } from '../harness/child-processes.mjs';
import { ROOT } from '../harness/servers.mjs';

const BUILD_TIMEOUT_MS = 15 * 60_000;

/**
 * @param {string} reference such as a branch, a tag or HEAD~1
 * @returns {string} the commit's whole name
 * @throws {Error} when there is no such commit
 */
export function resolveCommit(reference) {
  try {
    return git('rev-parse', '--verify', '--quiet', '--end-of-options', `${reference}^{commit}`);
  } catch {
    throw new Error(`${reference} names no commit`);
  }
}

/** @returns {boolean} whether files differ from the commit that is checked out, so that it is not what one sees */
export function hasUncommittedChanges() {
  return git('status', '--porcelain', '--untracked-files=no') !== '';
}

/** Worktrees that are removed in the end, whatever happens. */
export class Builds {
  #directory = mkdtempSync(join(tmpdir(), 'uwsgiref-compare-'));
  /** @type {string[]} */
  #worktrees = [];

  /**
   * @param {string} commit
   * @returns {Promise<string>} the directory of its `dist`
   */
  async build(commit) {
    const worktree = join(this.#directory, `${this.#worktrees.length}-${commit.slice(0, 10)}`);
    this.#worktrees.push(worktree);
    git('worktree', 'add', '--quiet', '--detach', worktree, commit);
    const lock = (/** @type {string} */ root) => readFileSync(join(root, 'package-lock.json'), 'utf8');
    if (lock(worktree) === lock(ROOT)) {
      symlinkSync(join(ROOT, 'node_modules'), join(worktree, 'node_modules'));
    } else {
      await npm(worktree, 'ci', '--ignore-scripts');
    }
    await npm(worktree, 'run', 'install');
    await npm(worktree, 'run', 'prepare');
    return join(worktree, 'dist');
  }

  remove() {
    for (const worktree of this.#worktrees.splice(0)) {
      // A build that was interrupted may not have come as far as a worktree.
      try {
        git('worktree', 'remove', '--force', worktree);
      } catch {}
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** @param {readonly string[]} args */
function git(...args) {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}

/**
 * @param {string} directory
 * @param {readonly string[]} args
 */
function npm(directory, ...args) {
  return runChild(['npm', '--prefix', directory, '--silent', ...args], { timeoutMs: BUILD_TIMEOUT_MS, cwd: directory });
}
