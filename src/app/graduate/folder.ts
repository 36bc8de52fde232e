import { chmod, lstat, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { LabError } from '../../core/error.js'
import { errnoOf, isNowhere, isPathError, isUnwritable, shortPath } from '../backup/file.js'

/** A file of the folder; `secret`: readable by its owner only. */
export interface Written {
  path: string
  text: string | Buffer
  secret?: boolean
}

/** LabErrors `folder-not-empty`, `no-such-folder`: checked before anything else. */
export async function checkFolder(given: string): Promise<string> {
  const folder = resolve(given)
  const found = await entries(folder)
  if (await isLink(folder))
    throw new LabError({
      code: 'no-such-folder',
      what: `${shortPath(folder)} is a symbolic link.`,
      fix: ['Use the folder itself, or a new one.'],
    })
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

/** A folder's contents; undefined if it doesn't exist. */
async function entries(folder: string): Promise<string[] | undefined> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isNowhere(error) && errnoOf(error) !== 'ENOTDIR') return undefined
    if (!isPathError(error)) throw error
    throw new LabError({
      code: 'no-such-folder',
      what: `${shortPath(folder)} is not a folder that can be written.`,
    })
  }
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink()
  } catch (error) {
    if (isNowhere(error)) return false
    throw error
  }
}

/**
 * Writes all files or none: they are written to a temporary folder beside it, which is renamed at the end. LabError
 * `folder-not-written`.
 */
export async function writeFolder(folder: string, files: readonly Written[]): Promise<void> {
  try {
    await writeAside(folder, files)
  } catch (error) {
    if (!isUnwritable(error)) throw error
    throw new LabError({
      code: 'folder-not-written',
      what: `${shortPath(folder)} can’t be written: ${errnoOf(error)}.`,
      why: 'No files were left behind.',
      fix: ['Use another folder.'],
      cause: error,
    })
  }
}

async function writeAside(folder: string, files: readonly Written[]): Promise<void> {
  const aside = await mkdtemp(join(dirname(folder), `.${basename(folder)}.`))
  try {
    await chmod(aside, 0o755)
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
