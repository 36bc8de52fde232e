import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// The suites that run the built program against moto, an AWS API over HTTP. Their set-up finds or installs it.
const needMoto = ['test/aws/**/*.test.ts', 'test/**/*.moto.test.ts']
// The program killed at each of its calls, and storms of errors. They take minutes, so they have their own command.
const faults = ['test/faults/**/*.test.ts']
// Tests that run other programs (the built one, a terminal, the tunnel with its remote end in another process, the
// host's scripts in shells, Python and Node) or many rehearsals with backups, whose keys take seconds to derive.
const program = [
  'test/cli/**/*.test.ts',
  'test/pack/**/*.test.ts',
  'test/tunnel/**/*.test.ts',
  'test/rehearsal/{access,cut-off,docs,exit-codes,last-backup,to-s3,tunnel,words}.test.ts',
  'test/host-unit/{backup,certificate,certificate-files,cms,dump,finish,flood,graduate,health,idle-stop,images,money,programs,services,templates,update,usage,users}.test.ts',
  'test/bedrock/proof.test.ts',
  'test/{app/backup,app/graduate,rehearsal/host}.test.ts',
  // It replaces a module, so it needs modules of its own.
  'test/app/replace.test.ts',
]
// These need root, KVM or a browser, and have their own configurations.
const apart = ['test/host/**', 'test/e2e/**']

const onMoto = {
  globalSetup: 'test/support/global.ts',
  testTimeout: 90_000,
  env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
}

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 120_000,
    // Workers wait: for the programs that they run, for certificates to expire, for retries. One more than cores.
    maxWorkers: availableParallelism() + 1,
    retry: 0,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
      reportsDirectory: '.cache/coverage',
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // Loading the SDK and zod for each file anew takes more than twice as long as the tests.
          isolate: false,
          pool: 'threads',
          setupFiles: 'test/support/real-clients.ts',
          include: ['test/**/*.test.ts'],
          exclude: [...needMoto, ...faults, ...program, ...apart],
        },
      },
      { extends: true, test: { name: 'program', include: program, exclude: needMoto } },
      // Their files share modules too, and processes that have loaded the program.
      { extends: true, test: { ...onMoto, name: 'aws', isolate: false, include: needMoto, exclude: apart } },
      { extends: true, test: { ...onMoto, name: 'faults', include: faults } },
    ],
  },
})
