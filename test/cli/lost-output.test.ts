import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { expect, it, onTestFinished } from 'vitest'
import { bareEnv, entry, newFolder } from './program.js'

/** Always full, on Linux. */
const full = '/dev/full'

it.skipIf(!existsSync(full))(
  'a result that can’t be written does not make a failure of the work',
  () => {
    const out = openSync(full, 'w')
    onTestFinished(() => closeSync(out))
    const env = bareEnv(newFolder())
    const run = (line: string) => {
      const args = [entry, ...line.split(' '), '--rehearse']
      const { status, stderr } = spawnSync(process.execPath, args, {
        env,
        stdio: ['ignore', out, 'pipe'],
        encoding: 'utf8',
      })
      const [said] = /✖ Standard output.*/.exec(stderr) ?? []
      return [status, said]
    }
    const lost = '✖ Standard output can’t be written: ENOSPC.'
    const done = `${lost} The command has done its work, and only its result is lost.`
    expect(run('status --json')).toEqual([3, lost])
    expect(run('up --yes --dry-run')).toEqual([1, lost])
    for (const line of ['up --yes', 'user add ann@example.org --json', 'backup --snapshot', 'stop'])
      expect(run(line), line).toEqual([2, done])
    expect(run('status')).toEqual([1, lost])
    // A failure keeps its code.
    expect(run('backup remove 20260101T000000Z-snapshot --confirm default --json')).toEqual([1, lost])
    expect(run('start')).toEqual([2, done])
  },
  60_000,
)
