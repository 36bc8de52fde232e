import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'

const program = new URL('../../templates/bin/finish', import.meta.url).pathname
const there = spawnSync('bash', ['-c', 'command -v flock']).status === 0

let work: string
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'librechat-lab-finish-'))
  for (const name of ['state', 'run']) mkdirSync(join(work, name))
  const made = work
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
})

async function holding(path: string): Promise<ChildProcess> {
  const script = `exec 9>>'${join(work, path)}'; flock 9; echo held; read -r _`
  const holder = spawn('bash', ['-c', script], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  await new Promise((resolve) => holder.stdout?.once('data', resolve))
  onTestFinished(() => void holder.stdin?.end())
  return holder
}

/** The shutdown, which waits so long. */
const env = () => ({ ...process.env, LAB: work, RUN: join(work, 'run') })
const shutDown = (seconds: number) => spawnSync(program, [String(seconds)], { env: env(), encoding: 'utf8' })
const interrupted = () => {
  const path = join(work, 'state/interrupted.json')
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined
}

describe.skipIf(!there)('a shutdown', () => {
  it('goes on at once where nothing is under way', () => {
    expect(shutDown(60).status).toBe(0)
    expect(interrupted()).toBeUndefined()
  })

  it.each([
    ['a stage or a dump', 'lock'],
    ['the transfer of a backup', 'run/keep-awake'],
  ])('waits for %s', async (_, path) => {
    const holder = await holding(path)
    const ending = spawn(program, ['60'], { env: env() })
    const ended = new Promise((resolve) => ending.once('exit', resolve))
    const early = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 300, 'waits'))])
    expect(early).toBe('waits')
    holder.stdin?.end()
    expect(await ended).toBe(0)
    expect(interrupted()).toBeUndefined()
  })

  it.each([
    ['backup since 2026-11-26T20:00:00Z\n', 'backup'],
    [undefined, 'dump'],
  ])('says what it interrupted where that takes too long: %j', async (running, stage) => {
    if (running) writeFileSync(join(work, 'state/running'), running)
    await holding('lock')
    expect(shutDown(1).stdout).toContain(`in the middle of: ${stage}`)
    expect(interrupted()).toEqual({ at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+Z$/), stage })
  })
})
