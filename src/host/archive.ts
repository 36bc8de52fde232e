import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { createTar } from 'nanotar'

/** Text files by their path in the archive, with `/` between its parts. */
export type Files = ReadonlyMap<string, string>

/** The templates in this package: beside `dist/` when installed, two directories up when run from source. */
function packagedTemplates(): string {
  for (let room = dirname(fileURLToPath(import.meta.url)); ; room = dirname(room)) {
    if (existsSync(join(room, 'package.json'))) return join(room, 'templates')
    if (room === dirname(room)) throw new Error('This package has lost its templates.')
  }
}

/** Files for a cluster, which are never sent to a host. */
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

/** Sorted independently of the locale. */
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

/** 16 hex characters from the uncompressed contents, so they don't depend on the version of Node. */
export function digest(files: Files): string {
  const hash = createHash('sha256')
  for (const [path, text] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(JSON.stringify([path, text]))
  }
  return hash.digest('hex').slice(0, 16)
}

/** The size of a tar header's name field (POSIX 1003.1, ustar), in bytes. */
const longestPath = 100

/** The end of a tar, two blocks of zeros (POSIX 1003.1, ustar). Python refuses an empty archive without it. */
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
