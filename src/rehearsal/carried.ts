import { gunzipSync } from 'node:zlib'

/** What a Run Command carried to the host: the files in its archive, and what is to be run with them. */
export interface Carried {
  files: ReadonlyMap<string, string>
  command: string
  /** The digest of the version's files that the command runs from; undefined when it runs from what it carried. */
  version: string | undefined
}

const block = 512

/** Takes a payload apart as a host would: a here-document of base64, in it a compressed tar, then the command. */
export function carriedBy(script: string): Carried {
  const found = /<<'(\S+)'\n([A-Za-z0-9+/=\n]+)\n\1\n[\s\S]*?\n([^\n]+)\n?$/.exec(script)
  const version = /^CODE=\/run\/librechat-lab\/([0-9a-f]{16}) /m.exec(script)?.[1]
  if (!found) return { files: new Map(), command: script.trim().split('\n').at(-1) ?? '', version }
  return { files: untar(gunzipSync(Buffer.from(found[2] ?? '', 'base64'))), command: found[3] ?? '', version }
}

/** The plain files of a tar (POSIX 1003.1, ustar). */
function untar(tar: Buffer): Map<string, string> {
  const files = new Map<string, string>()
  for (let at = 0; at + block <= tar.length && tar[at] !== 0; ) {
    const text = (offset: number, length: number) =>
      tar.toString('utf8', at + offset, at + offset + length).replace(/\0.*$/s, '')
    const bytes = Number.parseInt(text(124, 12), 8)
    files.set(text(0, 100), tar.toString('utf8', at + block, at + block + bytes))
    at += block + Math.ceil(bytes / block) * block
  }
  return files
}
