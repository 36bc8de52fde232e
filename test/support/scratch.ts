import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** A folder in memory where the machine has one: a rehearsed account is written anew at each change, and a disk waits. */
const inMemory = '/dev/shm'
function parent(): string {
  try {
    accessSync(inMemory, constants.W_OK)
    return inMemory
  } catch {
    return tmpdir() // no Linux, or not for us
  }
}
const made: string[] = []
afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
})

/** A fresh, empty folder for small files, removed after the file's tests. */
export function scratch(name: string): string {
  const folder = mkdtempSync(join(parent(), `librechat-lab-${name}-`))
  made.push(folder)
  return folder
}
