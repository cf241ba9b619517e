import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

/** Unit and system tests run in Node; what runs at the edge is tested in workerd. */
export default defineConfig({
  test: {
    // System tests mostly wait for processes: more of them than cores run well beside each other.
    maxWorkers: 3,
    globalSetup: ['test/global-setup.ts'],
    reporters:
      process.env['CI'] === 'true'
        ? ['default', ['json', { outputFile: '.vitest-results.json' }]]
        : ['default'],
    projects: [
      {
        test: {
          name: 'node',
          setupFiles: ['test/setup.ts'],
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: ['test/worker/**', 'test/slow/**'],
          testTimeout: 20_000,
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: { bindings: { ACCESS: 'open', VERIFY_KEYS: 'none', UPSTREAMS: '' } },
          }),
        ],
        test: { name: 'worker', include: ['test/worker/**/*.test.ts'], testTimeout: 20_000 },
      },
    ],
  },
});
