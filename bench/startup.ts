import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { program, root } from './account.js'
import { inTurn, run, seconds, table, times } from './measure.js'

/** How long the program takes to start, beside Node with nothing to do. */
export async function startup(rounds: number): Promise<string> {
  const node = async (...args: string[]) => (await run(process.execPath, args)).ms
  const took = await inTurn(rounds, {
    'node -e 0': () => node('-e', '0'),
    '--version': () => node(program, '--version'),
    '--help': () => node(program, '--help'),
    'up --help': () => node(program, 'up', '--help'),
  })
  const bare = took['node -e 0']
  const rows = Object.entries(took).map(([name, ms]) => [name, `${ms.toFixed(0)} ms`, times(ms / bare)])
  return table(['started', 'median', 'to bare Node'], rows)
}

/** From the packed file to the first output through npx, with nothing cached. */
export async function install(rounds: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-pack-'))
  try {
    const packed = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: root,
    })
    const [{ filename, size, unpackedSize, entryCount }] = JSON.parse(packed.stdout)
    const npx = async (cache: string) => {
      const env = { ...process.env, npm_config_cache: cache, npm_config_update_notifier: 'false' }
      return (await run('npx', ['--yes', `./${filename}`, '--version'], { env, cwd: folder })).ms
    }
    let fresh = 0
    const took = await inTurn(rounds, {
      'npx --yes ./x.tgz --version, empty cache': () => npx(join(folder, `cache-${fresh++}`)),
      'the same again': () => npx(join(folder, 'cache-0')),
      'npx --version, to compare': async () => (await run('npx', ['--version'])).ms,
    })
    const mib = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`
    const size_ = `Packed ${mib(size)}, unpacked ${mib(unpackedSize)}, ${entryCount} files.`
    return `${size_}\n\n${table(
      ['', 'median'],
      Object.entries(took).map(([name, ms]) => [name, seconds(ms)]),
    )}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
