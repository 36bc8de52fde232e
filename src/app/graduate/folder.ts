import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { LabError } from '../../core/error.js'
import { isNowhere, isPathError, shortPath } from '../backup/file.js'

/** A file of the folder; `secret` for its owner alone. */
export interface Written {
  path: string
  text: string | Buffer
  secret?: boolean
}

/** LabErrors `folder-not-empty`, `no-such-folder`: said before anything else is done. */
export async function checkFolder(given: string): Promise<string> {
  const folder = resolve(given)
  const found = await entries(folder)
  if (found === undefined && (await entries(dirname(folder))) === undefined)
    throw new LabError({
      code: 'no-such-folder',
      what: `There is no folder ${shortPath(dirname(folder))}.`,
      fix: ['Create it first, or use another.'],
    })
  if (found === undefined || found.length === 0) return folder
  throw new LabError({
    code: 'folder-not-empty',
    what: `${shortPath(folder)} is not empty.`,
    why: 'Files of another run, or keys that you have written before, would stay among the new ones.',
    fix: ['Use a new folder.'],
  })
}

/** What is in a folder; undefined where there is none. */
async function entries(folder: string): Promise<string[] | undefined> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isNowhere(error) && (error as NodeJS.ErrnoException).code !== 'ENOTDIR') return undefined
    if (!isPathError(error)) throw error
    throw new LabError({
      code: 'no-such-folder',
      what: `${shortPath(folder)} is not a folder that can be written.`,
    })
  }
}

/** Writes all files or none: they are made beside the folder and get its name at the end. */
export async function writeFolder(folder: string, files: readonly Written[]): Promise<void> {
  const aside = join(dirname(folder), `.${basename(folder)}.partial`)
  await rm(aside, { recursive: true, force: true })
  try {
    await mkdir(aside)
    for (const { path, text, secret } of files) {
      await mkdir(dirname(join(aside, path)), { recursive: true })
      await writeFile(join(aside, path), text, { mode: secret ? 0o600 : 0o644 })
    }
    // An empty folder is replaced.
    await rename(aside, folder)
  } catch (error) {
    await rm(aside, { recursive: true, force: true })
    throw error
  }
}
