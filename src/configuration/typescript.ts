/** What to say where Node does not run TypeScript. */

const STRIPS = 'Node 22.18 or newer';

/**
 * @param error what `import()` of the module threw
 * @returns one sentence, where the reason is that this Node runs no TypeScript, or not without being asked to
 */
export function typescriptRemedy(path: string, error: unknown): string | undefined {
  const { code } = error as { code?: string };
  if (!/\.[cm]?ts$/.test(path)) return undefined;
  if (code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING') {
    return `Node runs no TypeScript of packages, beneath node_modules; compile ${path} first`;
  }
  if (code !== 'ERR_UNKNOWN_FILE_EXTENSION') return undefined;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const asked = major === 22 && minor >= 6;
  return asked
    ? `Node ${process.versions.node} runs TypeScript only when it is asked to: set ` +
        `NODE_OPTIONS=--experimental-strip-types for ${path}, use ${STRIPS}, or compile it first`
    : `Node ${process.versions.node} does not run TypeScript; compile ${path} first, or use ${STRIPS}`;
}
