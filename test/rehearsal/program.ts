import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { scratch } from '../support/scratch.js'
import { runWarm, type Said } from '../support/warm.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const program = join(root, 'bin/librechat-lab.js')
const cutOff = new URL('./cut-off.mjs', import.meta.url).href

export interface CutOff {
  /** Runs the built program to its end. */
  run(...args: string[]): Promise<Said>
  start(...args: string[]): {
    child: ChildProcess
    ended: Promise<Said>
    stdout: () => string
    stderr: () => string
  }
  /** Every try to reach another machine. */
  tries(): string[]
}

/** The built program with a home of its own, and no network but this machine's. */
export function cutOffProgram(env: NodeJS.ProcessEnv = {}): CutOff {
  if (!existsSync(join(root, 'dist/cli.js'))) throw new Error('The program is not built: npm run build')
  const home = scratch('cut-off')
  const log = join(home, 'tries')
  const surroundings = {
    PATH: process.env.PATH,
    HOME: home,
    CUT_OFF_LOG: log,
    AWS_EC2_METADATA_DISABLED: 'true',
    LIBRECHAT_LAB_POLL_SCALE: '0.02',
    ...env,
  }
  const start: CutOff['start'] = (...args) => {
    const child = spawn(process.execPath, ['--import', cutOff, program, ...args], {
      env: { ...surroundings, NODE_NO_WARNINGS: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text
    })
    const ended = new Promise<Said>((resolve) => {
      child.on('close', (code, signal) => resolve({ code: code ?? signal ?? -1, stdout, stderr }))
    })
    return { child, ended, stdout: () => stdout, stderr: () => stderr }
  }
  return {
    start,
    run: (...args) => runWarm({ program: root, args, env: surroundings }, cutOff),
    tries: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
  }
}
