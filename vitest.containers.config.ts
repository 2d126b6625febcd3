import { defineConfig } from 'vitest/config';

/** `npm run test:containers`: needs podman and images, which scripts/containers.js brings. */
export default defineConfig({
  test: {
    include: ['test/containers/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    globalSetup: ['test/kit/global-setup.ts'],
  },
});
