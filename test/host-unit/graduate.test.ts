import { execFileSync, spawnSync } from 'node:child_process'
import { generateKeyPairSync, sign } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BackupWriter, fileFormat, partName, sha256 } from '../../src/app/backup/file.js'
import { lockKey, sealMessage } from '../../src/host/cms.js'

const script = new URL('../../templates/kubernetes/restore.sh', import.meta.url).pathname
const there = ['jq', 'openssl', 'tar'].every((name) => spawnSync(name, ['--version']).error === undefined)
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
const passphrase = 'four random words here'

/** MongoDB's shell over a file: collections by their names. */
const mongosh = `#!/usr/bin/env node
const fs = require('node:fs')
const file = process.env.DOCUMENTS
const all = JSON.parse(fs.readFileSync(file, 'utf8'))
const collection = (name) => ({
  find: ({ _id }) => ({ toArray: () => (all[name] ?? []).filter((one) => one._id === _id) }),
  updateOne({ _id }, { $set }) {
    all[name] ??= []
    const found = all[name].find((one) => one._id === _id)
    if (found) Object.assign(found, $set)
    else all[name].push({ _id, ...$set })
  },
})
const database = { getCollection: collection, getCollectionNames: () => Object.keys(all) }
const connect = (uri) => ({ getSiblingDB: (name) => (uri === 'mongodb://db/chat' && name === 'chat' ? database : null) })
new Function('connect', 'print', fs.readFileSync(process.argv.at(-1), 'utf8'))(connect, console.log)
fs.writeFileSync(file, JSON.stringify(all))
`
/** Takes the archive for a collection of its own. */
const mongorestore = `#!/bin/bash
echo "$@" >>"$LOG"
[ -z "\${BREAKS:-}" ] || exit 1
jq -e '.uri == "mongodb://db/chat"' tools.yaml >/dev/null || exit 1
jq --arg sum "$(sha256sum <mongodb.archive.gz)" '. + {messages: [$sum]}' "$DOCUMENTS" >"$DOCUMENTS.new" && mv "$DOCUMENTS.new" "$DOCUMENTS"
`

async function cluster(documents: object = {}) {
  const work = mkdtempSync(join(tmpdir(), 'librechat-lab-cluster-'))
  for (const name of ['bin', 'backup', 'files', 'data/uploads/u1'])
    mkdirSync(join(work, name), { recursive: true })
  for (const [name, text] of Object.entries({ mongosh, mongorestore }))
    writeFileSync(join(work, 'bin', name), text, { mode: 0o755 })
  writeFileSync(join(work, 'documents.json'), JSON.stringify(documents))
  writeFileSync(join(work, 'passphrase'), `${passphrase}\n`)
  writeFileSync(join(work, 'data/uploads/u1/a.txt'), 'a file')
  execFileSync('tar', ['-cf', join(work, 'files.tar'), '-C', join(work, 'data'), 'uploads'])
  const files: Record<string, Buffer> = {
    'mongodb.archive.gz': Buffer.alloc(5 * 1024 ** 2, 'An archive. '),
    'files.tar': readFileSync(join(work, 'files.tar')),
    'allowances.json': Buffer.from('{}'),
  }
  const listed = Object.entries(files).map(([name, data]) => ({
    name,
    bytes: data.length,
    sha256: sha256(data),
  }))
  files['manifest.json'] = Buffer.from(JSON.stringify({ id: '20261126T020000Z-backup', files: listed }))
  const path = join(work, 'backup/lab.backup')
  const header = { format: fileFormat, lab: 'default', region: 'us-east-1', at: '', id: 'x', files: {} }
  const writer = await BackupWriter.create(path)
  await writer.begin(header, lockKey(privateKey, passphrase))
  for (const [name, data] of Object.entries(files))
    for (let at = 0, number = 0; at < data.length; at += 4 * 1024 ** 2, number++)
      await writer.add(partName(name, number), sealMessage(data.subarray(at, at + 4 * 1024 ** 2), publicKey))
  await writer.seal((index) => sign('sha256', index, privateKey))
  await writer.keep()
  const backup = readFileSync(path)
  return {
    work,
    archive: sha256(files['mongodb.archive.gz'] as Buffer),
    run(more: Record<string, string> = {}, damage = (data: Buffer) => data) {
      writeFileSync(path, damage(Buffer.from(backup)))
      writeFileSync(join(work, 'backup/complete'), '')
      const env = {
        PATH: `${work}/bin:${process.env.PATH}`,
        BACKUP: join(work, 'backup'),
        FILES: join(work, 'files'),
        PASSPHRASE: join(work, 'passphrase'),
        DOCUMENTS: join(work, 'documents.json'),
        LOG: join(work, 'log'),
        DATABASE: 'chat',
        MONGO_URI: 'mongodb://db/chat',
        ...more,
      }
      const { status, stdout, stderr } = spawnSync('bash', [script], { env, encoding: 'utf8' })
      return { status, said: stdout + stderr }
    },
    documents: () => JSON.parse(readFileSync(join(work, 'documents.json'), 'utf8')),
  }
}

describe.skipIf(!there)('the job that restores a backup in a cluster', () => {
  it('brings the archive and the files whole, once, and begins anew after it broke off', async () => {
    const { work, archive, run, documents } = await cluster()
    expect(run({ BREAKS: '1' }).status).toBe(1)
    const ended = run()
    expect(ended.status, ended.said).toBe(0)
    expect(documents().messages[0]).toContain(archive)
    expect(readFileSync(join(work, 'files/uploads/u1/a.txt'), 'utf8')).toBe('a file')
    const log = readFileSync(join(work, 'log'), 'utf8')
    expect(log).not.toContain('mongodb://')
    expect(log).toContain('--nsTo=chat.*')
    expect(run().said).toContain('restored already')
    expect(readFileSync(join(work, 'log'), 'utf8')).toBe(log)
  })

  it('leaves a database that is not empty alone', async () => {
    const { work, run, documents } = await cluster({ users: [{ _id: 'somebody' }] })
    expect(run()).toMatchObject({ status: 1, said: expect.stringContaining('not empty') })
    expect(documents()).toEqual({ users: [{ _id: 'somebody' }] })
    expect(existsSync(join(work, 'log'))).toBe(false)
  })

  it('refuses another passphrase, and a backup with one changed byte, before it touches the database', async () => {
    const { work, run, documents } = await cluster()
    const flip = (data: Buffer) => {
      const at = data.length >> 1
      data[at] = (data[at] ?? 0) ^ 1
      return data
    }
    expect(run({}, flip).status).toBe(1)
    writeFileSync(join(work, 'passphrase'), 'another one altogether\n')
    expect(run()).toMatchObject({ status: 1, said: expect.stringContaining('passphrase') })
    expect(documents()).toEqual({})
  })
})
