import { spawnSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, privateDecrypt, randomBytes, sign } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, it, onTestFinished, vi } from 'vitest'
import { Carrier } from '../../src/app/backup/carry.js'
import { BackupReader, BackupWriter, fileFormat, partName, partsOf } from '../../src/app/backup/file.js'
import { verifyReader } from '../../src/app/backup/verify.js'
import { systemClock } from '../../src/core/clock.js'
import { lockKey, publicPem, resealMessage } from '../../src/host/cms.js'
import { DumpHost, first, hasPython } from '../support/dump-host.js'

const { privateKey: key } = generateKeyPairSync('rsa', { modulusLength: 3072 })
const { signal } = new AbortController()
const clock = { ...systemClock, sleep: () => systemClock.sleep(20) }
const opened = (sealed: string) =>
  privateDecrypt({ key, oaepHash: 'sha256' }, Buffer.from(sealed, 'base64')).toString()

/** A connection to the port that breaks after so many bytes, ten times; then it holds. */
async function breaking(port: number, after: number) {
  let cuts = 0
  const server = createServer((local) => {
    const remote = connect(port, '127.0.0.1')
    let moved = 0
    const count = (data: Buffer) => {
      moved += data.length
      if (moved < after || cuts >= 10) return
      cuts++
      local.destroy()
      remote.destroy()
    }
    for (const [from, to] of [
      [local, remote],
      [remote, local],
    ] as const) {
      from.on('data', count)
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
      from.pipe(to)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    cuts: () => cuts,
    close: async () => void server.close(),
  }
}

const partsIn = (files: Record<string, number>) =>
  Object.entries(files).flatMap(([file, size]) =>
    Array.from({ length: partsOf(size) }, (_, number) => ({ file, number })),
  )

it.skipIf(!hasPython)('a restore is refused while an update may still be rolled back', async () => {
  const host = new DumpHost()
  onTestFinished(host.close)
  const id = host.changed()
  host.put('lab/state/update.json', JSON.stringify({ moves: {}, dump: id }))
  const served = host.served()
  for (const request of [
    { action: 'receive', publicKey: publicPem(key), id, files: {} },
    { action: 'restore', id },
    { action: 'restore', id, received: true },
  ])
    expect(await host.backupBeside(request, {})).toMatchObject({
      error: { code: 'update-pending', refused: true, fix: [{ code: 'update' }] },
    })
  expect(host.served()).toEqual(served)
  expect(host.list('dumps')).toEqual([id])
})

it.skipIf(!hasPython)(
  'a transfer deletes what an interrupted one has left, before the disk is measured',
  async () => {
    const host = new DumpHost()
    onTestFinished(host.close)
    for (const name of ['incoming', 'dumps/20260101T000000Z-backup.part']) host.directory(name)
    const files = Object.fromEntries(
      [
        'mongodb.archive.gz',
        'files.tar',
        'secrets.env',
        'allowances.json',
        'settings.json',
        'manifest.json',
      ].map((name) => [name, 1e15]),
    )
    const request = { action: 'receive', publicKey: publicPem(key), id: '20260101T000000Z-backup', files }
    expect(await host.backupBeside(request, {})).toMatchObject({ error: { code: 'disk-full' } })
    expect([host.list('.').includes('incoming'), host.list('dumps')]).toEqual([false, []])
  },
)

it.skipIf(!hasPython)(
  'a dump is downloaded encrypted and uploaded again, byte for byte, over a connection that breaks ten times each way',
  async () => {
    const host = new DumpHost()
    onTestFinished(host.close)
    const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-carry-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const picture = randomBytes(9 * 1024 * 1024).toString('base64')
    host.put('volumes/librechat-lab_images/picture.png', picture)

    const { backup: made } = host.backup({ action: 'make', publicKey: publicPem(key), settings: '{"a":1}' })
    const down = await breaking(made.port, 700_000)
    const from = new Carrier(down, opened(made.token), clock, signal)
    const path = join(folder, 'lab.backup')
    const header = {
      format: fileFormat,
      lab: 'default',
      region: 'eu-west-1',
      at: '',
      id: made.id,
      files: made.files,
    }
    const writer = await BackupWriter.create(path)
    await writer.begin(header, lockKey(key, 'four random words'))
    await from.each(partsIn(made.files), async (part) =>
      writer.add(partName(part.file, part.number), await from.fetch(part)),
    )
    await from.close()
    expect(down.cuts()).toBe(10)
    await writer.seal((index) => sign('sha256', index, key))
    await writer.keep()
    const reader = await BackupReader.open(path)
    await verifyReader(reader, key, { onRead: () => {}, signal })
    host.backup({ action: 'done', id: made.id, transfer: made.transfer })
    expect(host.list('dumps')).toEqual([])

    host.put('volumes/librechat-lab_images/picture.png', 'another')
    host.put('volumes/librechat-lab_mongodb/documents', 'conversations: 2')
    const { receive } = host.backup({
      action: 'receive',
      publicKey: publicPem(key),
      id: made.id,
      files: made.files,
    })
    const up = await breaking(receive.port, 700_000)
    const to = new Carrier(up, opened(receive.token), clock, signal)
    const theirs = createPublicKey(receive.publicKey)
    await to.each(partsIn(made.files), async (part) => {
      const sealed = await reader.read(partName(part.file, part.number))
      await to.send(part, resealMessage(sealed, key, theirs))
    })
    await to.close()
    await reader.close()
    expect(up.cuts()).toBe(10)
    const { restored } = host.backup({
      action: 'restore',
      id: made.id,
      received: true,
      transfer: receive.transfer,
    })
    expect(host.served()).toEqual(first)
    const data = /^LAB_DATA=(.*)$/m.exec(host.read('lab/.env'))?.[1]
    expect(host.read(`volumes/librechat-lab_images${data}/picture.png`) === picture).toBe(true)
    expect(host.list('dumps')).toEqual([restored.before])
  },
)

it.skipIf(!hasPython)('a received backup is no dump of the host, whatever comes of its restore', async () => {
  const host = new DumpHost()
  onTestFinished(host.close)
  const mine = host.changed()
  const received = async (id: string, change: (manifest: string) => string) => {
    cpSync(`${host.path}/dumps/${mine}`, `${host.path}/incoming/${id}`, { recursive: true })
    const manifest = `incoming/${id}/manifest.json`
    host.put(manifest, change(host.read(manifest)))
    host.directory('run/transfer')
    host.put('run/transfer/id', 'mine')
    const ended = await host.backupBeside({ action: 'restore', id, received: true, transfer: 'mine' }, {})
    host.remove('run/transfer')
    return ended
  }
  const newer = (manifest: string) => manifest.replace('v0.8.8', 'v0.9.9')
  // Also one with the name of a dump that the host has.
  for (const id of ['20300101T000000Z-backup', mine]) {
    expect(await received(id, newer)).toMatchObject({ error: { code: 'dump-newer' } })
    expect([host.list('dumps'), host.list('.').includes('incoming')]).toEqual([[mine], false])
  }
  const { restored } = await received(mine, (manifest) => manifest)
  expect(host.list('dumps')).toEqual([mine, restored.before].sort())
  expect([host.list('.').includes('incoming'), host.served()]).toEqual([false, first])
})

it.skipIf(!hasPython)('what was sent for a restore that never came goes with the next dump', () => {
  const host = new DumpHost()
  onTestFinished(host.close)
  host.directory('incoming')
  host.put('transferring', '')
  host.dump('prune')
  expect(host.list('.')).toContain('incoming')
  host.remove('transferring')
  host.dump('make', 'nightly')
  expect(host.list('.')).not.toContain('incoming')
})

it.skipIf(!hasPython)('what was sent is deleted when nobody asks for its restore', async () => {
  const host = new DumpHost()
  onTestFinished(host.close)
  const id = host.changed()
  const files = Object.fromEntries(host.list(`dumps/${id}`).map((name) => [name, 1]))
  await host.backupBeside({ action: 'receive', publicKey: publicPem(key), id, files }, { TRANSFER_IDLE: '1' })
  expect(host.list('incoming')).toEqual([id])
  await vi.waitFor(() => expect(host.list('incoming')).toEqual([]), 20_000)
  host.remove('pids')
  expect(host.list('dumps')).toEqual([id])
})

it.skipIf(!hasPython)('a backup is refused before it is sent where its restore has no room', async () => {
  const host = new DumpHost()
  onTestFinished(host.close)
  const { bavail, bsize } = statfsSync(host.path)
  const names = ['mongodb.archive.gz', 'secrets.env', 'allowances.json', 'settings.json', 'manifest.json']
  // It has room for what is sent, not for that and the restored files.
  const files = Object.fromEntries([
    ['files.tar', Math.floor(bavail * bsize * 0.6)],
    ...names.map((name) => [name, 1]),
  ])
  const request = { action: 'receive', publicKey: publicPem(key), id: '20260101T000000Z-backup', files }
  expect(await host.backupBeside(request, {})).toMatchObject({ error: { code: 'disk-full', refused: true } })
})

/** The sizes of a backup's files, which are small. */
const sizes = Object.fromEntries(
  ['mongodb.archive.gz', 'files.tar', 'secrets.env', 'allowances.json', 'settings.json', 'manifest.json'].map(
    (name) => [name, 1],
  ),
)

it.skipIf(!hasPython)('a transfer is ended by its own command, or when it is dead', async () => {
  const host = new DumpHost()
  onTestFinished(host.close)
  const { backup: ended } = host.backup({ action: 'make', publicKey: publicPem(key), settings: '{}' })
  host.backup({ action: 'done', id: ended.id, transfer: ended.transfer })
  const id = '20300101T000000Z-backup'
  const sent = { action: 'receive', publicKey: publicPem(key), id, files: sizes }
  const { receive } = host.backup(sent)
  const send = () =>
    fetch(`http://127.0.0.1:${receive.port}/secrets.env/0`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${opened(receive.token)}` },
      body: 'not encrypted',
    }).then(({ status }) => status)

  // A command that lost its transfer to this one.
  host.backup({ action: 'done', id: ended.id, transfer: ended.transfer })
  expect([await send(), host.list('incoming')]).toEqual([400, [id]])
  const restored = host.backupBeside({ action: 'restore', id, received: true, transfer: ended.transfer }, {})
  expect(await restored).toMatchObject({ error: { code: 'transfer-failed' } })
  for (const other of [{ action: 'make', publicKey: publicPem(key), settings: '{}' }, sent])
    expect(await host.backupBeside(other, {})).toMatchObject({
      error: { code: 'transfer-busy', refused: true },
    })
  expect([await send(), host.list('incoming'), host.served()]).toEqual([400, [id], first])

  // Its command was killed: nothing moves any more.
  const silent = { TRANSFER_SILENT: '1' }
  await vi.waitFor(async () => expect(await host.backupBeside(sent, silent)).toHaveProperty('receive'), {
    timeout: 20_000,
    interval: 500,
  })
})

it.skipIf(!hasPython)('the host gives and takes nothing without the token', async () => {
  const host = new DumpHost()
  onTestFinished(host.close)
  const { backup: made } = host.backup({ action: 'make', publicKey: publicPem(key), settings: '{}' })
  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(`http://127.0.0.1:${made.port}${path}`, { method, headers }).then(({ status }) => status)
  const authorization = `Bearer ${opened(made.token)}`
  expect(await ask('/secrets.env/0')).toBe(403)
  expect(await ask('/secrets.env/0', { authorization: 'Bearer other' })).toBe(403)
  expect(await ask('/../../lab/.env/0', { authorization })).toBe(404)
  expect(await ask('/secrets.env/0', { authorization })).toBe(200)
})

it.skipIf(!hasPython)('a backup opens without this program, by the commands of docs/backup.md', async () => {
  const host = new DumpHost()
  onTestFinished(host.close)
  const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-drill-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  // An archive begins with this number: common/archive/archive.go of MongoDB's tools.
  const archive = gzipSync(Buffer.concat([Buffer.from('6de29981', 'hex'), randomBytes(5_000_000)]))
  host.put('volumes/librechat-lab_mongodb/documents', archive)
  const { backup: made } = host.backup({ action: 'make', publicKey: publicPem(key), settings: '{"a":1}' })
  const header = { format: fileFormat, lab: 'default', region: 'eu-west-1', at: '', id: made.id }
  const path = join(folder, 'lab.backup')
  const writer = await BackupWriter.create(path)
  await writer.begin({ ...header, files: made.files }, lockKey(key, 'four words'))
  const carrier = new Carrier({ port: made.port, close: async () => {} }, opened(made.token), clock, signal)
  await carrier.each(partsIn(made.files), async (part) =>
    writer.add(partName(part.file, part.number), await carrier.fetch(part)),
  )
  await carrier.close()
  await writer.seal((index) => sign('sha256', index, key))
  await writer.keep()

  const page = readFileSync(new URL('../../docs/backup.md', import.meta.url), 'utf8')
  const commands = /## Without this program.*?```sh\n(.*?)```/s.exec(page)?.[1] ?? ''
  writeFileSync(join(folder, 'pass.txt'), 'four words\n')
  // It needs a MongoDB: only what it is given is looked at.
  writeFileSync(join(folder, 'mongorestore'), '#!/bin/sh\necho "mongorestore $*"\n', { mode: 0o755 })
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` }
  const drill = spawnSync('bash', ['--norc', '-euc', commands], { cwd: folder, env, encoding: 'utf8' })
  expect(drill).toMatchObject({ status: 0, stderr: '' })
  expect(drill.stdout).toContain('Verified OK')
  expect(drill.stdout).toContain('mongorestore --archive=mongodb.archive.gz --gzip')
  expect(readFileSync(join(folder, 'mongodb.archive.gz')).equals(archive)).toBe(true)
  const unpacked = spawnSync('tar', ['xOf', 'files.tar', 'uploads/letter.txt'], {
    cwd: folder,
    encoding: 'utf8',
  })
  expect(unpacked.stdout).toBe(first.letter)
  expect(readFileSync(join(folder, 'secrets.env'), 'utf8')).toContain(`CREDS_KEY=${first.key}`)
})
