import { spawnSync } from 'node:child_process'

/** A program's output; throws with what it said when it fails. */
export function output(program: string, argv: readonly string[]): Buffer {
  const result = spawnSync(program, argv, { maxBuffer: 1 << 30, env: { ...process.env, LC_ALL: 'C.UTF-8' } })
  if (result.status === 0) return result.stdout
  const said = `${result.error ?? ''}${result.stderr}`.slice(-2000)
  throw new Error(`${program} ${argv.join(' ').slice(0, 300)} ended with ${result.status}: ${said}`)
}

export function run(program: string, argv: readonly string[]): void {
  output(program, argv)
}
