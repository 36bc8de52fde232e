import { defineConfig } from 'vitest/config'

/** A benchmark that starts the real machines of test/host. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['bench/host/first-boot.ts'],
    testTimeout: 0,
    hookTimeout: 0,
    reporters: ['dot'],
    disableConsoleIntercept: true,
  },
})
