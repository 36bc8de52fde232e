import { defineConfig } from 'vitest/config'

/** The built program, moto and a real machine: needs root, and one at a time. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/e2e/*.test.ts'],
    globalSetup: 'test/support/global.ts',
    fileParallelism: false,
    testTimeout: 1_200_000,
    hookTimeout: 600_000,
    reporters: ['verbose'],
  },
})
