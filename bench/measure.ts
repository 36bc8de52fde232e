import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** How one run of a program went. */
export interface Ran {
  readonly code: number
  /** From start to end. */
  readonly ms: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end; throws when it fails, with what it said. */
export async function run(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string; expected?: readonly number[] } = {},
): Promise<Ran> {
  const begun = performance.now()
  const child = spawn(command, args, {
    env: options.env ?? process.env,
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ran = await ended(child, begun)
  if ((options.expected ?? [0]).includes(ran.code)) return ran
  throw new Error(`${command} ${args.join(' ')} ended with ${ran.code}\n${ran.stdout}\n${ran.stderr}`)
}

function ended(child: ChildProcess, begun: number): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (part) => {
    stdout += part
  })
  child.stderr?.setEncoding('utf8').on('data', (part) => {
    stderr += part
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) =>
      resolve({ code: code ?? -1, ms: performance.now() - begun, stdout, stderr }),
    )
  })
}

/** The peak of a Node program's resident memory, in MiB, as it tells at its end. */
export async function withPeak<T>(
  go: (env: NodeJS.ProcessEnv) => Promise<T>,
): Promise<{ result: T; peakMib: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-bench-'))
  const file = join(folder, 'peak')
  const tell = `process.on('exit',()=>process.getBuiltinModule('fs').writeFileSync(${JSON.stringify(file)},String(process.resourceUsage().maxRSS)))`
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(tell)}` }
  try {
    const result = await go(env)
    return { result, peakMib: Number(readFileSync(file, 'utf8')) / 1024 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2
}

/** Runs each contestant in turn, `rounds` times, so that what else the machine does strikes all alike. */
export async function inTurn<Name extends string>(
  rounds: number,
  contestants: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Record<Name, number>> {
  const figures = new Map<Name, number[]>()
  for (let round = 0; round < rounds; round++) {
    for (const [name, go] of Object.entries(contestants) as [Name, () => Promise<number>][]) {
      figures.set(name, [...(figures.get(name) ?? []), await go()])
    }
  }
  return Object.fromEntries([...figures].map(([name, all]) => [name, median(all)])) as Record<Name, number>
}

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`
export const times = (ratio: number): string => `${ratio.toFixed(ratio < 10 ? 2 : 0)}×`
