import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/host/**', 'test/e2e/**'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
})
