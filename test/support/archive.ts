import { gunzipSync } from 'node:zlib'

/** What a Run Command's script carries: its files by path, and the line that it runs in the end. */
export interface Carried {
  readonly files: ReadonlyMap<string, string>
  readonly command: string
  /** The directory that it runs from, when that is one which the host keeps. */
  readonly version: string | undefined
}

/** Takes a script apart as the host's shell would: the heredoc, base64, gzip, tar. Throws where it could not. */
export function carriedBy(script: string): Carried {
  const [, delimiter, archive, rest] = /<<'([^']+)'\n([\s\S]*?)\n\1\n([\s\S]*)$/.exec(script) ?? [
    undefined,
    '',
    '',
    '',
  ]
  if (!delimiter || !archive) throw new Error('the script carries no archive')
  const command = rest?.trimEnd().split('\n').at(-1) ?? ''
  const version = /^CODE=(\/run\/librechat-lab\/[0-9a-f]{16}) /m.exec(rest ?? '')?.[1]
  return { files: untar(gunzipSync(Buffer.from(archive, 'base64'))), command, version }
}

/** A POSIX ustar archive of plain files. */
function untar(archive: Buffer): Map<string, string> {
  const files = new Map<string, string>()
  for (let at = 0; archive[at]; ) {
    const text = (from: number, length: number) => {
      const field = archive.toString('utf8', at + from, at + from + length)
      return field.slice(0, field.indexOf('\0'))
    }
    const size = Number.parseInt(text(124, 12), 8)
    files.set(text(0, 100), archive.toString('utf8', at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}
