import { defineConfig } from 'vitest/config';

// These measure, or need the processors for themselves: one after the other, when the rest is through.
const ALONE = [
  'test/attacks/**/*.test.ts',
  'test/soak/**/*.test.ts',
  'test/host/{fleet,balance}.test.ts',
  'test/server/fairness.test.ts',
];

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // A CI's machine is shared: what fails for want of a processor is tried once more, and the report says so.
    retry: process.env.CI ? 1 : 0,
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: ALONE,
          // One more than the processors that a CI has: most of these wait, for a timeout or another process.
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
