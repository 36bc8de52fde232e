import { defineConfig } from 'vitest/config'

/** A real machine in software emulation, as test/host has it. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['bench/host/first-boot.ts'],
    testTimeout: 0,
    hookTimeout: 0,
    reporters: ['dot'],
  },
})
