import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = new URL('../..', import.meta.url).pathname
const requirements = join(root, 'requirements-test.txt')
const version = /^moto(?:\[.*?\])?==(.+)$/m.exec(readFileSync(requirements, 'utf8'))?.[1] ?? ''

/**
 * A Python that has moto of the pinned version: the machine's own where it has it, else a virtual environment
 * in the project's cache, made from the pinned requirements. `undefined` where there is no Python at all.
 */
export async function pythonWithMoto(say: (line: string) => void): Promise<string | undefined> {
  for (const python of ['python3', ...shebangs()]) {
    if ((await motoOf(python)) === version) return python
  }
  return await environment(`moto-${version}`, requirements, say)
}

/** A Python that has the schemas of Kubernetes, in an environment of its own; `undefined` where there is no Python. */
export async function pythonWithSchemas(say: (line: string) => void): Promise<string | undefined> {
  const file = join(root, 'requirements-kubernetes.txt')
  const [, pinned = ''] = /^kubernetes-validate==(.+)$/m.exec(readFileSync(file, 'utf8')) ?? []
  return await environment(`kubernetes-validate-${pinned}`, file, say)
}

/** A virtual environment in the project's cache, made from pinned requirements once. */
async function environment(
  name: string,
  file: string,
  say: (line: string) => void,
): Promise<string | undefined> {
  const home = join(root, '.cache', name)
  const python = join(home, 'bin', 'python')
  const complete = join(home, 'complete')
  if (existsSync(complete)) return python
  if (!(await hasPython())) return undefined
  say(`installing ${name} into .cache (once)…`)
  rmSync(home, { recursive: true, force: true })
  mkdirSync(home, { recursive: true })
  await run('python3', ['-m', 'venv', home])
  await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', file])
  writeFileSync(complete, name)
  return python
}

/** The interpreters behind a moto_server on the PATH, which need not be the default Python (pipx). */
function shebangs(): string[] {
  return (process.env.PATH ?? '').split(delimiter).flatMap((folder) => {
    const script = join(folder, 'moto_server')
    if (!existsSync(script)) return []
    const interpreter = /^#!(\S*python\S*)/.exec(readFileSync(script, 'utf8'))?.[1]
    return interpreter ? [interpreter] : []
  })
}

async function motoOf(python: string): Promise<string | undefined> {
  try {
    const code = 'import importlib.metadata as m, flask, flask_cors; print(m.version("moto"))'
    return (await run(python, ['-c', code])).stdout.trim()
  } catch {
    return undefined // no such Python, or it has no moto with its server
  }
}

async function hasPython(): Promise<boolean> {
  try {
    await run('python3', ['-c', 'import venv, sys; sys.exit(sys.version_info < (3, 10))'])
    return true
  } catch {
    return false
  }
}
