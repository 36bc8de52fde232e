import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

/** Text files by their path in the archive, with `/` between its parts. */
export type Files = ReadonlyMap<string, string>

/** The templates in this package: beside `dist/` when installed, two rooms up when run from source. */
function packagedTemplates(): string {
  for (let room = dirname(fileURLToPath(import.meta.url)); ; room = dirname(room)) {
    if (existsSync(join(room, 'package.json'))) return join(room, 'templates')
    if (room === dirname(room)) throw new Error('This package has lost its templates.')
  }
}

/** Every template, by its path below `templates/`, in an order that is the same everywhere. */
export function templates(directory = packagedTemplates()): Files {
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

const block = 512

/** A tar header (POSIX 1003.1, ustar): text in fixed places, numbers in octal, and a sum over it all. */
function header(path: string, bytes: number): Buffer {
  if (Buffer.byteLength(path) > 100) throw new Error(`The path is too long for the archive: ${path}`)
  const head = Buffer.alloc(block)
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`
  head.write(path, 0)
  head.write(octal(0o600, 8), 100)
  head.write(octal(0, 8), 108)
  head.write(octal(0, 8), 116)
  head.write(octal(bytes, 12), 124)
  head.write(octal(0, 12), 136)
  head.write(' '.repeat(8), 148)
  head.write('0', 156)
  head.write('ustar\0', 257)
  head.write('00', 263)
  head.write(
    `${octal(
      head.reduce((sum, byte) => sum + byte, 0),
      7,
    )} `,
    148,
  )
  return head
}

/** The files as one compressed tar, all owned by root and readable by it alone. */
export function tarball(files: Files): Buffer {
  const parts = [...files].flatMap(([path, text]) => {
    const body = Buffer.from(text)
    return [header(path, body.length), body, Buffer.alloc((block - (body.length % block)) % block)]
  })
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(2 * block)]), { level: 9 })
}
