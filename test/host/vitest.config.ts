import { defineConfig } from 'vitest/config'

/** Real machines in software emulation: slow, and they need root. Each mostly keeps one core busy, so two at a time. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/host/*.test.ts'],
    globalSetup: 'test/host/prepare.ts',
    maxWorkers: 2,
    testTimeout: 600_000,
    hookTimeout: 1_200_000,
    reporters: ['verbose'],
  },
})
