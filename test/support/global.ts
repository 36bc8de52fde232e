import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import type { TestProject } from 'vitest/node'
import { pythonWithMoto } from './interpreter.js'
import { startMoto } from './moto-server.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** The Python that has moto; absent where these suites cannot run. */
    python: string | undefined
    /** The addresses of running motos, each for some of the workers; empty where there is no such Python. */
    motos: string[]
    /** A copy of the built program, so that a rebuild in the middle of a run harms nobody. */
    program: string
  }
}

const root = new URL('../..', import.meta.url).pathname

/** Once before the suites that need an AWS API: finds or installs moto, starts it, and copies the built program aside. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const python = await pythonWithMoto((line) => process.stderr.write(`${line}\n`))
  if (!python && process.env.CI === 'true') {
    throw new Error('CI=true, and there is neither moto nor Python 3.10: the AWS suites cannot run.')
  }
  const program = mkdtempSync(join(tmpdir(), 'librechat-lab-program-'))
  // LIBRECHAT_LAB_PROGRAM: another build to judge, such as an unpacked package.
  const built = process.env.LIBRECHAT_LAB_PROGRAM ?? root
  for (const part of ['bin', 'dist', 'templates', 'package.json']) {
    cpSync(join(built, part), join(program, part), { recursive: true })
  }
  const workers = Math.min(project.vitest.config.maxWorkers, 4)
  const motos = await Promise.all(Array.from({ length: python ? workers : 0 }, () => startMoto(python ?? '')))
  project.provide('python', python)
  project.provide(
    'motos',
    motos.map(({ url }) => url),
  )
  project.provide('program', program)
  return async () => {
    for (const moto of motos) moto.stop()
    rmSync(program, { recursive: true, force: true })
    if (python) return
    const { testFiles } = await project.globTestFiles()
    const names = testFiles.map((file) => relative(root, file)).sort()
    process.stderr.write(`\nNot run, for want of moto and Python 3.10 or newer: ${names.join(', ')}\n`)
  }
}
