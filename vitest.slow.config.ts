import { defineConfig } from 'vitest/config';

/** What takes too long for every change: large states and long runs. CI runs them too. */
export default defineConfig({
  test: {
    include: ['test/slow/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    testTimeout: 300_000,
    reporters:
      process.env['CI'] === 'true'
        ? ['default', ['json', { outputFile: '.vitest-slow-results.json' }]]
        : ['default'],
  },
});
