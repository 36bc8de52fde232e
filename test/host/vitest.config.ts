import { defineConfig } from 'vitest/config'

/** A real machine in software emulation: slow, needs root, and one at a time. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/host/*.test.ts'],
    fileParallelism: false,
    sequence: { concurrent: false },
    testTimeout: 600_000,
    hookTimeout: 1_200_000,
    reporters: ['verbose'],
  },
})
