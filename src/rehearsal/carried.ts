import { gunzipSync } from 'node:zlib'
import { parseTar } from 'nanotar'

/** The contents of a Run Command: the files in its archive, and the command to run. */
export interface Carried {
  files: ReadonlyMap<string, string>
  command: string
  /** The digest of the version's files that the command uses; undefined if it contains its files. */
  version: string | undefined
}

/** Parses a payload like a host: a here-document of base64 with a compressed tar, then the command. */
export function carriedBy(script: string): Carried {
  const found = /<<'(\S+)'\n([A-Za-z0-9+/=\n]+)\n\1\n[\s\S]*?\n([^\n]+)\n?$/.exec(script)
  const version = /^CODE=\/run\/librechat-lab\/([0-9a-f]{16}) /m.exec(script)?.[1]
  if (!found) return { files: new Map(), command: script.trim().split('\n').at(-1) ?? '', version }
  // A copy: nanotar reads the whole buffer behind an array, and Node's may be shared.
  const tar = Uint8Array.from(gunzipSync(Buffer.from(found[2] ?? '', 'base64')))
  const files = parseTar(tar).map(({ name, text }): [string, string] => [name, text])
  return { files: new Map(files), command: found[3] ?? '', version }
}
