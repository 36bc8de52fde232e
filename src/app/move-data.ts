import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { publicPem, resealMessage } from '../host/cms.js'
import { type OfferedDump, offerDump, type Receiver, receiveDump, restoreDump } from '../host/dumps.js'
import type { Host } from '../host/host.js'
import { tokenFor } from './backup/backup.js'
import { Carrier } from './backup/carry.js'
import { partBytes, partsOf } from './backup/file.js'
import { transferTask } from './backup/progress.js'
import type { Context } from './context.js'
import type { OpenLab } from './open-lab.js'
import { sessionTo } from './resolve-instance.js'

/**
 * Moves a lab's data from one of its hosts to another: dumped there, carried through two tunnels in encrypted parts of
 * 4 MiB, restored here. This computer exchanges the key of each part and never sees what is in it.
 */
export async function moveData(
  open: OpenLab,
  { from, to }: { from: Host; to: Host },
  context: Context,
): Promise<void> {
  const { privateKey: key } = await promisify(generateKeyPair)('rsa', { modulusLength: 3072 })
  const task = { type: 'task', id: 'dump', name: `dump on ${from.instanceId}` } as const
  const offered = await followed(task, 60_000, context, () =>
    offerDump(from, publicPem(key), open.storedText ?? '{}'),
  )
  const receiver = await receiveDump(to, publicPem(key), offered)
  await carry({ offered, receiver, key }, { open, from, to, context })
  const restore = { type: 'task', id: 'restore', name: `restore on ${to.instanceId}` } as const
  await followed(restore, 120_000, context, () => restoreDump(to, offered.id, true))
}

async function carry(
  { offered, receiver, key }: { offered: OfferedDump; receiver: Receiver; key: KeyObject },
  { open, from, to, context }: { open: OpenLab; from: Host; to: Host; context: Context },
): Promise<void> {
  const { files, bytes } = offered
  const theirs = createPublicKey(receiver.publicKey)
  const carrier = async (host: Host, { port, token }: { port: number; token: string }) =>
    Carrier.open(
      await sessionTo(open, host.instanceId, context),
      { port, token: tokenFor(key, token) },
      context.signal,
    )
  const source = await carrier(from, offered)
  try {
    const target = await carrier(to, receiver)
    try {
      const parts = Object.entries(files).flatMap(([file, size]) =>
        Array.from({ length: partsOf(size) }, (_, number) => ({ file, number })),
      )
      await transferTask('data', bytes, context, (moved) =>
        source.each(parts, async (part) => {
          await target.send(part, resealMessage(await source.fetch(part), key, theirs))
          moved(Math.min(partBytes, files[part.file] ?? 0))
        }),
      )
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

async function followed<T>(
  task: { type: 'task'; id: string; name: string },
  usualMs: number,
  { ui }: Context,
  work: () => Promise<T>,
): Promise<T> {
  ui.emit({ ...task, state: 'started', usualMs })
  try {
    const done = await work()
    ui.emit({ ...task, state: 'done' })
    return done
  } catch (error) {
    ui.emit({ ...task, state: 'failed' })
    throw error
  }
}
