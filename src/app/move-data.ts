import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { publicPem, resealMessage } from '../host/cms.js'
import { type OfferedDump, offerDump, type Receiver, receiveDump, restoreDump } from '../host/dumps.js'
import type { Host } from '../host/host.js'
import { tokenFor } from './backup/backup.js'
import { Carrier } from './backup/carry.js'
import { allParts } from './backup/file.js'
import { followed, transferTask } from './backup/progress.js'
import type { Context } from './context.js'
import type { OpenLab } from './open-lab.js'
import { sessionTo } from './resolve-instance.js'

/**
 * Moves a lab's data from one host to another: dumps it, transfers it through two tunnels in encrypted parts of 4
 * MiB, and restores it. This computer exchanges the key of each part and never sees what is in it.
 */
export async function moveData(
  open: OpenLab,
  { from, to }: { from: Host; to: Host },
  context: Context,
): Promise<void> {
  const { privateKey: key } = await promisify(generateKeyPair)('rsa', { modulusLength: 3072 })
  const dump = { id: 'dump', name: `dump on ${from.instanceId}`, usualMs: 60_000 }
  const offered = await followed(dump, context, () =>
    offerDump(from, publicPem(key), open.storedText ?? '{}'),
  )
  const receiver = await receiveDump(to, publicPem(key), offered)
  await carry({ offered, receiver, key }, { open, from, to, context })
  const restore = { id: 'restore', name: `restore on ${to.instanceId}`, usualMs: 120_000 }
  await followed(restore, context, () => restoreDump(to, { id: offered.id, transfer: receiver.transfer }))
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
      await transferTask('data', bytes, context, (moved) =>
        source.each(allParts(files), async (part) => {
          await target.send(part, resealMessage(await source.fetch(part), key, theirs))
          moved(part.bytes)
        }),
      )
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}
