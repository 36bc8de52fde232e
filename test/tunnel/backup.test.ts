import { createPublicKey, generateKeyPairSync, privateDecrypt, sign } from 'node:crypto'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { Carrier } from '../../src/app/backup/carry.js'
import { allParts, BackupReader, BackupWriter, fileFormat, partName } from '../../src/app/backup/file.js'
import { verifyReader } from '../../src/app/backup/verify.js'
import { systemClock } from '../../src/core/clock.js'
import { lockKey, publicPem, resealMessage } from '../../src/host/cms.js'
import { DumpHost, hasPython } from '../support/dump-host.js'
import { surroundings } from './local.js'
import { Remote } from './remote.js'

/** 1024 and 10 for the figures of docs/backup.md. */
const mebibytes = Number(process.env.BACKUP_MIB ?? 12)
const cutsWanted = Number(process.env.BACKUP_CUTS ?? 2)
const MiB = 1024 * 1024
const { privateKey: key } = generateKeyPairSync('rsa', { modulusLength: 3072 })
const opened = (sealed: string) =>
  privateDecrypt({ key, oaepHash: 'sha256' }, Buffer.from(sealed, 'base64')).toString()

let remote: Remote
beforeAll(async () => {
  remote = await Remote.start()
})
afterAll(() => remote.stop())

/** Carries every part through four sessions, all of which are cut off so many times on the way. */
async function carried(
  { port, token }: { port: number; token: string },
  files: Readonly<Record<string, number>>,
  work: (carrier: Carrier, part: { file: string; number: number }) => Promise<void>,
): Promise<{ seconds: number; grownBy: number; cuts: number }> {
  await remote.set({ agent: { ports: { [port]: port } } })
  const instance = { instanceId: 'i-0123', surroundings: surroundings(remote), reason: 'backup' }
  const { signal } = new AbortController()
  const carrier = await Carrier.open(instance as never, { port, token: opened(token) }, signal)
  const parts = allParts(files)
  const before = process.memoryUsage.rss()
  const began = systemClock.now()
  let [done, cuts, most] = [0, 0, before]
  await carrier.each(parts, async (part) => {
    await work(carrier, part)
    done++
    most = Math.max(most, process.memoryUsage.rss())
    if (done < (parts.length * (cuts + 1)) / (cutsWanted + 1) || cuts === cutsWanted) return
    cuts++
    await remote.break('kill')
  })
  await carrier.close()
  return { seconds: (systemClock.now() - began) / 1000, grownBy: most - before, cuts }
}

it.skipIf(!hasPython)(
  `a dump of ${mebibytes} MiB comes and goes through tunnels that are cut off, in bounded memory on both sides`,
  async () => {
    const host = new DumpHost()
    onTestFinished(host.close)
    const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-carry-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const uploads = 'volumes/librechat-lab_uploads'
    for (let n = 0; n < 4; n++) host.fill(`${uploads}/${n}`, (mebibytes / 4) * MiB)
    const before = [0, 1, 2, 3].map((n) => host.digest(`${uploads}/${n}`))

    const { backup: made } = host.backup({ action: 'make', publicKey: publicPem(key), settings: '{}' })
    const path = join(folder, 'lab.backup')
    const header = { format: fileFormat, lab: 'default', region: 'eu-west-1', at: '', id: made.id }
    const writer = await BackupWriter.create(path)
    await writer.begin({ ...header, files: made.files }, lockKey(key, 'pass'))
    const down = await carried(made, made.files, async (carrier, part) =>
      writer.add(partName(part.file, part.number), await carrier.fetch(part)),
    )
    const serving = host.peakMemory()
    await writer.seal((index) => sign('sha256', index, key))
    await writer.keep()
    const reader = await BackupReader.open(path)
    await verifyReader(reader, key, { onRead: () => {}, signal: new AbortController().signal })
    host.backup({ action: 'done', id: made.id, transfer: made.transfer })

    for (let n = 0; n < 4; n++) host.put(`${uploads}/${n}`, 'changed since')
    const request = { action: 'receive', publicKey: publicPem(key), id: made.id, files: made.files }
    const { receive } = host.backup(request)
    const theirs = createPublicKey(receive.publicKey)
    const up = await carried(receive, made.files, async (carrier, part) =>
      carrier.send(part, resealMessage(await reader.read(partName(part.file, part.number)), key, theirs)),
    )
    const taking = host.peakMemory()
    await reader.close()
    host.backup({ action: 'restore', id: made.id, received: true, transfer: receive.transfer })
    const data = /^LAB_DATA=(.*)$/m.exec(host.read('lab/.env'))?.[1]
    expect([0, 1, 2, 3].map((n) => host.digest(`${uploads}${data}/${n}`))).toEqual(before)

    const figures = {
      file: statSync(path).size,
      down: { seconds: down.seconds, here: down.grownBy, host: serving },
      up: { seconds: up.seconds, here: up.grownBy, host: taking },
    }
    process.stdout.write(`backup of ${mebibytes} MiB: ${JSON.stringify(figures)}\n`)
    expect([down.cuts, up.cuts]).toEqual([cutsWanted, cutsWanted])
    expect(Math.max(down.grownBy, up.grownBy)).toBeLessThan(160 * MiB)
    expect(Math.max(serving, taking)).toBeLessThan(160 * MiB)
  },
  mebibytes * 2000 + 30_000,
)
