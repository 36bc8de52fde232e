import type { Stats } from 'node:fs'
import { constants, type FileHandle, open } from 'node:fs/promises'
import type { Context } from './context.js'

/** A file that a user named can't be used; `why` is a sentence for them. */
export class UnusableFile extends Error {
  constructor(
    readonly why: string,
    cause?: unknown,
  ) {
    super(why, { cause })
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'There is no such file.',
  ENOTDIR: 'There is no such file.',
  ENAMETOOLONG: 'There is no such file.',
  ELOOP: 'Its symbolic links lead in a circle.',
  EACCES: 'You have no permission to read it.',
  EPERM: 'You have no permission to read it.',
  EISDIR: 'It is a folder.',
  ENXIO: 'It is a socket or a device, not a file.',
  ENODEV: 'It is a device, not a file.',
}

const unusable = (error: unknown): unknown => {
  const why = reasons[(error as NodeJS.ErrnoException).code ?? '']
  return why === undefined ? error : new UnusableFile(why, error)
}

const kindOf = (stats: Stats): string | undefined => {
  if (stats.isFile()) return undefined
  if (stats.isDirectory()) return 'It is a folder.'
  if (stats.isFIFO()) return 'It is a pipe, not a file.'
  return 'It is a device, not a file.'
}

/**
 * Opens a file that a user named. Opening a pipe without a writer would wait for one, in a thread that no signal ends.
 * @throws UnusableFile also for a folder, a device and, without `orPipe`, a pipe
 */
export async function openGiven(path: string, { orPipe = false } = {}): Promise<FileHandle> {
  // Windows has no such flag.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)
  const file = await open(path, flags).catch((error: unknown) => {
    throw unusable(error)
  })
  try {
    const stats = await file.stat()
    const kind = kindOf(stats)
    if (kind === undefined || (orPipe && stats.isFIFO())) return file
    throw new UnusableFile(kind)
  } catch (error) {
    await file.close()
    throw error
  }
}

const pipePauseMs = 50

/**
 * Reads a small file that a user named, or a pipe that another program writes: `<(pass show lab)`.
 * @param most in bytes; what is larger is refused
 * @throws UnusableFile
 */
export async function readGiven(
  path: string,
  most: number,
  { clock, signal }: Pick<Context, 'clock' | 'signal'>,
): Promise<Buffer> {
  const file = await openGiven(path, { orPipe: true })
  const data = Buffer.alloc(most + 1)
  let length = 0
  try {
    while (length < data.length) {
      signal.throwIfAborted()
      const read = await file.read(data, length, data.length - length, null).catch((error: unknown) => {
        // The pipe is empty now, and its writer has not finished.
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined
        throw unusable(error)
      })
      if (read === undefined) await clock.sleep(pipePauseMs, signal)
      else if (read.bytesRead === 0) break
      else length += read.bytesRead
    }
  } finally {
    await file.close()
  }
  if (length > most) throw new UnusableFile(`It is larger than ${most} bytes.`)
  return data.subarray(0, length)
}

/** Text, or undefined for bytes that are not UTF-8: as replacement characters, different ones would be equal. */
export function utf8(data: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return undefined
    throw error
  }
}
