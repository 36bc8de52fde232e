// Bundles src/cli.ts and every library it uses into dist/, one chunk per command, so that nothing has to be
// installed beside the program and a command loads only what it needs.
import { readFileSync, renameSync, rmSync } from 'node:fs'
import { build } from 'esbuild'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const root = new URL('..', import.meta.url).pathname

// Made aside and put in place at once: a program that runs meanwhile finds whole files.
const aside = `.cache/dist-${process.pid}`
await build({
  absWorkingDir: root,
  entryPoints: { cli: 'src/cli.ts' },
  outdir: aside,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  minify: true,
  keepNames: true,
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'none',
  define: { __VERSION__: JSON.stringify(version) },
  // Bundled CommonJS libraries call require() for Node's own modules.
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
  logLevel: 'warning',
})
rmSync(`${root}dist`, { recursive: true, force: true })
renameSync(`${root}${aside}`, `${root}dist`)
