import { type ChildProcess, fork } from 'node:child_process'

/** How a run of the program in such a process ended. */
export interface Said {
  readonly code: number | NodeJS.Signals
  readonly stdout: string
  readonly stderr: string
}

export interface WarmRun {
  /** The folder of the built program. */
  program: string
  args: readonly string[]
  /** The whole environment. What libraries read when they are loaded has to be the same at each run. */
  env: NodeJS.ProcessEnv
  /** What it reads on standard input. */
  input?: string | undefined
}

const warm = new URL('warm.mjs', import.meta.url)

/** Processes that have loaded the program and run nothing at the moment, by what was loaded before it. */
const idle = new Map<string | undefined, ChildProcess[]>()

/**
 * Runs the built program to its end in a process that may have run it before, which takes a fraction of the time.
 * @param preload a module for Node to load first, for processes of their own
 */
export async function runWarm(run: WarmRun, preload?: string): Promise<Said> {
  const child = idle.get(preload)?.pop() ?? begin(preload)
  let died = ''
  child.stderr?.on('data', (part: string) => {
    died += part
  })
  const ended = await new Promise<Said>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve({ code: code ?? signal ?? -1, stdout: '', stderr: died }))
    child.once('message', resolve as (said: unknown) => void)
    child.send({ ...run, input: run.input ?? '' })
  })
  child.removeAllListeners()
  child.stderr?.removeAllListeners('data')
  if (child.connected) idle.set(preload, [...(idle.get(preload) ?? []), child])
  return ended
}

function begin(preload: string | undefined): ChildProcess {
  const child = fork(warm, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    ...(preload && { execArgv: ['--import', preload] }),
  })
  child.stderr?.setEncoding('utf8')
  return child
}
