import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{core,server,renderer,main,extensions,build,test}/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'dist/**', 'test/e2e/**'],
    environment: 'node',
    setupFiles: ['test/support/leak-check.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
