import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { createTar } from 'nanotar'

/** Text files by their path in the archive, with `/` between its parts. */
export type Files = ReadonlyMap<string, string>

/** The templates in this package: beside `dist/` when installed, two rooms up when run from source. */
function packagedTemplates(): string {
  for (let room = dirname(fileURLToPath(import.meta.url)); ; room = dirname(room)) {
    if (existsSync(join(room, 'package.json'))) return join(room, 'templates')
    if (room === dirname(room)) throw new Error('This package has lost its templates.')
  }
}

/** What is for a cluster and never goes to a host. */
const forClusters = 'kubernetes/'

/** Every file for a host, by its path below `templates/`. */
export const templates = (directory?: string): Files =>
  new Map([...allFiles(directory)].filter(([path]) => !path.startsWith(forClusters)))

/** Every file for a cluster, by its path below `templates/kubernetes/`. */
export const clusterFiles = (): Files =>
  new Map(
    [...allFiles()]
      .filter(([path]) => path.startsWith(forClusters))
      .map(([path, text]) => [path.slice(forClusters.length), text]),
  )

/** In an order that is the same everywhere. */
function allFiles(directory = packagedTemplates()): Files {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile() && !entry.parentPath.endsWith('__pycache__'))
    .map((entry) => join(entry.parentPath, entry.name))
  return new Map(
    paths
      .map((path): [string, string] => [
        relative(directory, path).split(sep).join('/'),
        readFileSync(path, 'utf8'),
      ])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

/** 16 hex characters that name these contents, whichever Node compresses them. */
export function digest(files: Files): string {
  const hash = createHash('sha256')
  for (const [path, text] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(JSON.stringify([path, text]))
  }
  return hash.digest('hex').slice(0, 16)
}

/** What the name field of a tar header holds (POSIX 1003.1, ustar), in bytes. */
const longestPath = 100

/** What ends a tar, two blocks of zeros (POSIX 1003.1, ustar): Python refuses an archive of no file without it. */
const endOfArchive = Buffer.alloc(1024)

/** The files as one compressed tar, all owned by root and readable by it alone. */
export function tarball(files: Files): Buffer {
  const items = [...files].map(([name, data]) => {
    if (Buffer.byteLength(name) > longestPath) {
      throw new Error(`The path is too long for the archive: ${name}`)
    }
    return { name, data }
  })
  const tar = createTar(items, { attrs: { mode: '600', uid: 0, gid: 0, mtime: 0 } })
  return gzipSync(Buffer.concat([tar, endOfArchive]), { level: 9 })
}
