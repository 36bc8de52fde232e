// Bundles src/cli/main.ts and every library it uses into dist/, one chunk per command, so that nothing has to be
// installed beside the program and a command loads only what it needs.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { build } from 'esbuild'
import { bundledPackages, licencesText } from './bundled.mjs'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const root = new URL('..', import.meta.url).pathname

/**
 * The SDK describes each of EC2's thousands of shapes with keys like `[_eQN]`, a constant of the same file. A
 * computed key may do anything, for all that a bundler knows, so it would keep them all: the key itself may go.
 */
const sdkShapes = {
  name: 'sdk-shapes',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]dist-es[\\/].*schemas_\d+\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      const constants = new Map(
        Array.from(text.matchAll(/^const (_\w+) = ("[^"]*");$/gm), ([, n, v]) => [n, v]),
      )
      return { contents: text.replace(/\[(_\w+)\]:/g, (key, name) => `${constants.get(name) ?? key}:`) }
    })
  },
}

// Made aside and put in place at once: a program that runs meanwhile finds whole files.
const aside = `.cache/dist-${process.pid}`
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: { cli: 'src/cli/main.ts' },
  outdir: aside,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  // ES modules first: of CommonJS nothing can be left out.
  mainFields: ['module', 'main'],
  plugins: [sdkShapes],
  // Runs programs from the network that choose a proxy; src/aws/proxy.ts refuses these.
  external: ['pac-proxy-agent'],
  target: 'node20.19',
  minify: true,
  keepNames: true,
  metafile: true,
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
// The charts of a page that `usage --open` writes: they run in a browser, from within that page.
const page = await build({
  absWorkingDir: root,
  entryPoints: { 'usage-page': 'src/page/usage.js' },
  outdir: aside,
  bundle: true,
  format: 'iife',
  target: 'es2022',
  loader: { '.css': 'text' },
  minify: true,
  metafile: true,
  legalComments: 'none',
  logLevel: 'warning',
})
const outputs = { ...metafile.outputs, ...page.metafile.outputs }
const bundled = bundledPackages({ outputs }, root)
writeFileSync(`${root}${aside}/THIRD-PARTY-LICENSES.txt`, licencesText(bundled))
// For the bill of materials.
mkdirSync(`${root}.cache`, { recursive: true })
writeFileSync(
  `${root}.cache/bundled.json`,
  JSON.stringify(bundled.map(({ name, version }) => ({ name, version }))),
)
rmSync(`${root}dist`, { recursive: true, force: true })
renameSync(`${root}${aside}`, `${root}dist`)
