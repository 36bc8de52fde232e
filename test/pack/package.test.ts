import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'

const run = promisify(execFile)
const root = new URL('../..', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-package-'))
let packed: { filename: string; size: number; files: { path: string }[] }
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
  packed = JSON.parse((await run('npm', args, { cwd: root })).stdout)[0]
  env = {
    PATH: process.env.PATH,
    HOME: join(folder, 'home'),
    npm_config_cache: join(folder, 'cache'),
    npm_config_offline: 'true',
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const npx = (...args: string[]) =>
  run('npx', ['--yes', `./${packed.filename}`, ...args], { cwd: folder, env })

it('holds the program, its templates, its licences and nothing else', () => {
  const paths = packed.files.map(({ path }) => path)
  const chunks = paths.filter((path) => /^dist\/[\w.-]+\.js(\.map)?$/.test(path))
  const templates = readdirSync(join(root, 'templates'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(root.length))
  expect(chunks).toContain('dist/cli.js')
  expect(paths.filter((path) => !chunks.includes(path)).sort()).toEqual(
    [
      'LICENSE',
      'README.md',
      'bin/librechat-lab.js',
      'dist/THIRD-PARTY-LICENSES.txt',
      'package.json',
      ...templates,
    ].sort(),
  )
})

it('is smaller than 1.5 MB, and needs nothing beside it', () => {
  expect(packed.size).toBeLessThan(1_500_000)
  const described = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  expect(described.dependencies ?? {}).toEqual({})
  expect(described.scripts).not.toHaveProperty('install')
  expect(described.scripts).not.toHaveProperty('postinstall')
})

/** A program that chooses a proxy is refused (src/aws/proxy.ts); Kerberos at a proxy is never asked for. */
const neverLoaded = ['pac-proxy-agent', 'kerberos']

it('imports nothing but Node’s own modules and its own chunks', () => {
  const builtin = new Set(process.getBuiltinModule('module').builtinModules)
  for (const { path } of packed.files.filter((file) => file.path.endsWith('.js'))) {
    const text = readFileSync(join(root, path), 'utf8')
    const imported = [...text.matchAll(/(?:\bfrom|\bimport\(?)["'](@?[a-z][\w./:@-]*)["']/g)]
    const strange = imported
      .map(([, name = '']) => name.replace(/^node:/, ''))
      .filter((name) => !builtin.has(name) && !neverLoaded.includes(name))
    expect(strange, path).toEqual([])
  }
})

it('starts through npx with no registry at hand, and rehearses', { timeout: 120_000 }, async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  expect((await npx('--version')).stdout.trim()).toBe(version)
  const up = await npx('up', '--rehearse', '--yes', '--json')
  expect(JSON.parse(up.stdout)).toMatchObject({ lab: 'default' })
  const status = await npx('status', '--rehearse')
  expect(status.stdout).toMatch(/healthy/)
})

it('shows places in the source with --debug', { timeout: 60_000 }, async () => {
  const wrong = await npx('status', '--scenario=no-such-scenario', '--debug').catch((error) => error)
  expect(wrong.stderr).toMatch(/src\/[\w/-]+\.ts:\d+:\d+/)
})

it('lists in its bill of materials, and in its licences, exactly what is bundled', {
  timeout: 60_000,
}, async () => {
  const bundled: { name: string; version: string }[] = JSON.parse(
    readFileSync(join(root, '.cache/bundled.json'), 'utf8'),
  )
  const ids = bundled.map(({ name, version }) => `${name}@${version}`).sort()
  const { stdout } = await run('node', ['scripts/sbom.mjs'], { cwd: root, maxBuffer: 1e8 })
  const bill = JSON.parse(stdout)
  expect(bill.bomFormat).toBe('CycloneDX')
  const listed = bill.components.map(
    (one: { group?: string; name: string; version: string }) =>
      `${one.group ? `${one.group}/` : ''}${one.name}@${one.version}`,
  )
  expect([...new Set(listed)].sort()).toEqual(ids)
  const licences = readFileSync(join(root, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8')
  for (const id of ids) expect(licences).toContain(`${id} (`)
  for (const source of sources()) {
    const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(source) ?? []
    if (name)
      expect(
        bundled.map((one) => one.name),
        source,
      ).toContain(name)
  }
})

/** Every file that a chunk was made from, by the chunks' own maps: a second witness beside the build. */
function sources(): string[] {
  return readdirSync(join(root, 'dist'))
    .filter((file) => file.endsWith('.map'))
    .flatMap((file) => JSON.parse(readFileSync(join(root, 'dist', file), 'utf8')).sources)
}
