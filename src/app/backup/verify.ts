import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import * as z from 'zod'
import { LabError } from '../../core/error.js'
import { openMessage, UnreadableMessage, unlockKey } from '../../host/cms.js'
import { type BackupReader, damaged, type Header, parsed, partName, partsOf, sha256 } from './file.js'

export interface Verified {
  header: Header
  /** Of the file. */
  bytes: number
  /** What the dump says of itself. */
  librechat: string
  mongodb: string
}

const manifest = z.object({
  librechat: z.string(),
  mongodb: z.string(),
  files: z.array(z.object({ name: z.string(), bytes: z.number(), sha256: z.string() })),
})

const digestsIn = (index: Buffer) => (parsed(index.toString()) ?? {}) as Record<string, unknown>

/** LabErrors `wrong-passphrase`, `backup-damaged`. */
export async function keyOf(reader: BackupReader, passphrase: string): Promise<KeyObject> {
  const pem = await reader.read('key.pem')
  if (sha256(pem) !== digestsIn(await reader.read('index.json'))['key.pem'])
    throw damaged(reader.path, 'Its key or its index is not what it was.')
  const key = unlockKey(pem.toString(), passphrase)
  if (key) return key
  throw new LabError({
    code: 'wrong-passphrase',
    what: `The passphrase does not open ${reader.path}.`,
    why: 'It is not the one that the backup was made with. Nothing was changed.',
    fix: ['Run the command again with the backup’s passphrase. Without it nobody can read the backup.'],
  })
}

/**
 * Reads a backup to its end: the signature of its index, everything in it by its digest, each part by its own
 * authentication, each file of the dump by the digest that the host made. LabErrors `backup-damaged`, and those of `BackupReader.open`.
 * @param onRead how many bytes of the dump were read so far
 */
export async function verifyReader(
  reader: BackupReader,
  key: KeyObject,
  { onRead, signal }: { onRead: (bytes: number) => void; signal: AbortSignal },
): Promise<Verified> {
  const { path, header } = reader
  const index = await reader.read('index.json')
  if (!verify('sha256', index, createPublicKey(key), await reader.read('index.sig')))
    throw damaged(path, 'The signature of its index does not match.')
  const digests = digestsIn(index)
  const signed = reader.names.filter((name) => !['index.json', 'index.sig'].includes(name))
  const left = new Set([...signed, ...Object.keys(digests)])
  const checked = async (name: string): Promise<Buffer> => {
    const data = await reader.read(name)
    if (sha256(data) !== digests[name]) throw damaged(path, `${name} in it is not what it was.`)
    left.delete(name)
    return data
  }
  await checked('backup.json')
  let read = 0
  const plain = async (name: string, each: (data: Buffer) => void) => {
    for (let number = 0; number < partsOf(header.files[name] ?? 0); number++) {
      signal.throwIfAborted()
      const part = partName(name, number)
      each(opened(await checked(part), key, path, part))
    }
  }
  const chunks: Buffer[] = []
  await plain('manifest.json', (data) => chunks.push(data))
  const listed = manifest.safeParse(parsed(Buffer.concat(chunks).toString()))
  if (!listed.success) throw damaged(path, 'Its manifest can’t be read.')
  for (const file of listed.data.files) {
    const hash = createHash('sha256')
    await plain(file.name, (data) => {
      hash.update(data)
      read += data.length
      onRead(read)
    })
    if (hash.digest('hex') !== file.sha256) throw damaged(path, `${file.name} in it is not what it was.`)
  }
  // What stands in the clear at its front, and what none of the files names.
  for (const name of left) await checked(name)
  const { librechat, mongodb } = listed.data
  return { header, bytes: reader.bytes, librechat, mongodb }
}

/** One of the dump's files, of a backup that was verified. For small ones: it is in memory as a whole. */
export async function plainOf(reader: BackupReader, key: KeyObject, name: string): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let number = 0; number < partsOf(reader.header.files[name] ?? 0); number++) {
    const part = partName(name, number)
    parts.push(opened(await reader.read(part), key, reader.path, part))
  }
  return Buffer.concat(parts)
}

function opened(message: Buffer, key: KeyObject, path: string, part: string): Buffer {
  try {
    return openMessage(message, key)
  } catch (error) {
    if (!(error instanceof UnreadableMessage)) throw error
    throw damaged(path, `${part} in it can’t be decrypted.`)
  }
}
