import { defineConfig } from 'vitest/config'

// The suites that run the built program against moto, an AWS API over HTTP. Their set-up finds or installs it.
const needMoto = ['test/aws/**/*.test.ts', 'test/faults/**/*.test.ts', 'test/**/*.moto.test.ts']
// These need root, KVM or a browser, and have runners of their own.
const apart = ['test/host/**', 'test/e2e/**']

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: [...needMoto, ...apart] },
      },
      {
        extends: true,
        test: {
          name: 'aws',
          include: needMoto,
          exclude: apart,
          globalSetup: 'test/support/global.ts',
          testTimeout: 90_000,
        },
      },
    ],
  },
})
