/** What must hold where there is no openat2(2): the same as where there is. */

import { vi } from 'vitest';

vi.mock('../../src/static/kernel-open.js', () => ({ openByKernel: () => undefined }));

await import('./traversal.test.js');
await import('./directories.test.js');
