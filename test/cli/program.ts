import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { scratch } from '../support/scratch.js'
import { runWarm } from '../support/warm.js'

/** The built program; LIBRECHAT_LAB_PROGRAM judges another build, such as an unpacked package. */
const root = process.env.LIBRECHAT_LAB_PROGRAM ?? new URL('../..', import.meta.url).pathname
export const entry = join(root, 'bin/librechat-lab.js')

/** How a run of the program ended. */
export interface Ended {
  readonly code: number | NodeJS.Signals
  readonly stdout: string
  readonly stderr: string
  json<T = Record<string, unknown>>(): T
}

/** The usual pace, for a test that does something in the middle of a run. */
export const unhurried = { LIBRECHAT_LAB_POLL_SCALE: '0.1' }

export type Env = Record<string, string | undefined>

/** A fresh, empty folder. */
export const newFolder = (): string => scratch('manners')

/**
 * An environment with nothing of this machine's configuration in it, and with folders of its own, so that
 * rehearsals of two tests never meet.
 */
export const bareEnv = (folder: string, env: Env = {}): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  LANG: 'C.UTF-8',
  HOME: folder,
  XDG_STATE_HOME: join(folder, 'state'),
  XDG_CACHE_HOME: join(folder, 'cache'),
  AWS_EC2_METADATA_DISABLED: 'true',
  LIBRECHAT_LAB_POLL_SCALE: '0.02',
  ...env,
})

/** Starts the program as a process of its own, without a terminal. */
export function start(args: readonly string[], env: NodeJS.ProcessEnv, input = '') {
  const child = spawn(process.execPath, [entry, ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.on('error', () => {}) // a program that ends without reading is no fault of the test
  child.stdin.end(input)
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (part: string) => {
      said[stream] += part
    })
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) =>
      resolve({ code: code ?? signal ?? -1, ...said, json: () => JSON.parse(said.stdout) }),
    )
  })
  /** Waits until it has said something on stderr. */
  const hears = async (what: RegExp): Promise<void> => {
    while (!what.test(said.stderr)) {
      if (child.exitCode !== null) throw new Error(`ended without saying ${what}:\n${said.stderr}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  return { child, said, ended, hears }
}

/** What the program reads at each run. Libraries read others, such as NO_COLOR, when they are loaded. */
const readAtEachRun = /^(PATH|LANG|HOME|XDG_(STATE|CACHE)_HOME|AWS_EC2_METADATA_DISABLED|LIBRECHAT_LAB_\w+)$/

/** Runs the program to its end: in a process that has run it before, where the environment allows that. */
export async function runWith(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  input?: string,
): Promise<Ended> {
  if (!Object.keys(env).every((name) => readAtEachRun.test(name))) return await start(args, env, input).ended
  const said = await runWarm({ program: root, args, env, input })
  return { ...said, json: () => JSON.parse(said.stdout) }
}

/** A place to rehearse in, kept between the runs of one test. */
export function rehearsal(env: Env = {}) {
  const folder = newFolder()
  const surroundings = bareEnv(folder, env)
  return {
    folder,
    env: surroundings,
    start: (args: readonly string[], input?: string) => start([...args, '--rehearse'], surroundings, input),
    run: (args: readonly string[], input?: string) => runWith([...args, '--rehearse'], surroundings, input),
  }
}

/** Runs the program outside any rehearsal. */
export const run = (args: readonly string[], env: Env = {}, input?: string): Promise<Ended> =>
  runWith(args, bareEnv(newFolder(), env), input)
