import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

/** Each directory of src, and which of the others it may import. */
const allowed: Record<string, readonly string[]> = {
  cli: ['commands', 'app', 'ui', 'lab', 'resources', 'host', 'bedrock', 'tunnel', 'engine', 'aws', 'core'],
  commands: ['app', 'ui', 'lab', 'resources', 'host', 'bedrock', 'tunnel', 'engine', 'aws', 'core'],
  app: ['lab', 'resources', 'host', 'bedrock', 'tunnel', 'engine', 'aws', 'core'],
  lab: ['resources', 'host', 'bedrock', 'tunnel', 'engine', 'aws', 'core'],
  resources: ['host', 'bedrock', 'tunnel', 'engine', 'aws', 'core'],
  host: ['engine', 'aws', 'core'],
  bedrock: ['engine', 'aws', 'core'],
  tunnel: ['engine', 'aws', 'core'],
  engine: ['core'],
  aws: ['core'],
  ui: ['app', 'core'],
  core: [],
}
const rooms = [...Object.keys(allowed), 'rehearsal']

/** One import a line, in each of the forms that a module knows. */
const forms: ((path: string, name: string) => string)[] = [
  (path, name) => `import { ${name} } from '${path}'`,
  (path, name) => `import type { ${name} } from '${path}'`,
  (path, name) => `export { ${name} } from '${path}'`,
  (path, name) => `export const ${name} = import('${path}')`,
]

const root = new URL('../..', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-boundaries-'))
afterAll(() => rmSync(folder, { recursive: true }))
let reported = new Set<string>()

const plant = (room: string, file: string, lines: readonly string[]) => {
  mkdirSync(join(folder, 'src', room), { recursive: true })
  writeFileSync(join(folder, 'src', room, file), `${lines.join('\n')}\n`)
}

beforeAll(() => {
  const { vcs: _, ...config } = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'))
  writeFileSync(join(folder, 'biome.json'), JSON.stringify({ ...config, root: true }))
  for (const room of Object.keys(allowed)) {
    forms.forEach((form, i) => {
      plant(
        room,
        `planted-${i}.ts`,
        rooms.map((other) => form(`../${other}/planted.js`, `${other}${i}`)),
      )
      plant(
        `${room}/deeper`,
        `planted-${i}.ts`,
        rooms.map((other) => form(`../../${other}/planted.js`, other)),
      )
    })
  }
  plant('core', 'promise.ts', ['const later = async () => {}', 'later()'])
  plant('core', 'ring.ts', ["import { other } from './other.js'", 'export const ring = () => other'])
  plant('core', 'other.ts', ["import { ring } from './ring.js'", 'export const other = () => ring'])
  const args = ['lint', '--reporter=github', '--max-diagnostics=none', '.']
  const { stdout, stderr } = spawnSync(join(root, 'node_modules/.bin/biome'), args, {
    cwd: folder,
    encoding: 'utf8',
  })
  const found = [
    ...`${stdout}${stderr}`.matchAll(/^::error title=([\w/]+),file=[^,]*?(src\/[^,]+),line=(\d+)/gm),
  ]
  reported = new Set(
    found.map(([, rule = '', file = '', line]) => `${rule.split('/').pop()} ${file}:${line}`),
  )
})

it.each(Object.keys(allowed))('%s may import what is below it, and nothing else, in no form', (room) => {
  for (const [i] of forms.entries()) {
    for (const file of [`src/${room}/planted-${i}.ts`, `src/${room}/deeper/planted-${i}.ts`]) {
      const refused = rooms.filter((_, at) => reported.has(`noRestrictedImports ${file}:${at + 1}`))
      const expected = rooms.filter((other) => other !== room && !allowed[room]?.includes(other))
      expect(refused, file).toEqual(expected)
    }
  }
})

it('refuses a cycle of imports and a floating promise', () => {
  expect([...reported]).toEqual(
    expect.arrayContaining([
      'noImportCycles src/core/ring.ts:1',
      'noImportCycles src/core/other.ts:1',
      'noFloatingPromises src/core/promise.ts:2',
    ]),
  )
})
