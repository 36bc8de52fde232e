import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  BackupReader,
  BackupWriter,
  fileFormat,
  freeName,
  type Header,
  partName,
  sha256,
} from '../../src/app/backup/file.js'
import { keyOf, verifyReader } from '../../src/app/backup/verify.js'
import { lockKey, sealMessage } from '../../src/host/cms.js'

const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-backup-'))
afterAll(() => rmSync(folder, { recursive: true }))
const pipe = join(folder, 'pipe')
execFileSync('sh', ['-c', 'mkfifo "$0"', pipe])
const passphrase = 'four random words here'
const { privateKey: key, publicKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
const files = { 'files.tar': randomBytes(5 * 1024 * 1024), 'secrets.env': Buffer.from('CREDS_KEY=1\n') }
const manifest = Buffer.from(
  JSON.stringify({
    librechat: 'v0.8.8',
    mongodb: '8.0.20',
    files: Object.entries(files).map(([name, data]) => ({ name, bytes: data.length, sha256: sha256(data) })),
  }),
)
const header: Header = {
  format: fileFormat,
  lab: 'team-a',
  region: 'eu-west-1',
  at: '2026-11-26T05:00:00.000Z',
  id: '20261126T050000Z-backup',
  files: { 'files.tar': files['files.tar'].length, 'secrets.env': 12, 'manifest.json': manifest.length },
}

async function written(name: string, change: Partial<Header> = {}): Promise<string> {
  const path = join(folder, name)
  const writer = await BackupWriter.create(path)
  await writer.begin({ ...header, ...change }, lockKey(key, passphrase))
  const parts = [
    ['files.tar', 0, files['files.tar'].subarray(0, 4 * 1024 * 1024)],
    ['files.tar', 1, files['files.tar'].subarray(4 * 1024 * 1024)],
    ['secrets.env', 0, files['secrets.env']],
    ['manifest.json', 0, manifest],
  ] as const
  await Promise.all(
    parts.map(([file, number, data]) => writer.add(partName(file, number), sealMessage(data, publicKey))),
  )
  await writer.seal((index) => sign('sha256', index, key))
  await writer.keep()
  return path
}

async function verified(path: string, given = passphrase) {
  const reader = await BackupReader.open(path)
  try {
    const how = { onRead: () => {}, signal: new AbortController().signal }
    return await verifyReader(reader, await keyOf(reader, given), how)
  } finally {
    await reader.close()
  }
}

describe('a backup file', () => {
  let path: string
  let size: number
  beforeAll(async () => {
    path = await written('lab.backup')
    size = statSync(path).size
  })
  const copy = (name: string, change: (data: Buffer) => Buffer) => {
    writeFileSync(join(folder, name), change(readFileSync(path)))
    return join(folder, name)
  }

  it('is read back to its end, and is its owner’s alone', async () => {
    expect(await verified(path)).toMatchObject({
      header,
      bytes: size,
      librechat: 'v0.8.8',
      mongodb: '8.0.20',
    })
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('does not open with another passphrase', async () => {
    await expect(verified(path, 'five random words here')).rejects.toMatchObject({ code: 'wrong-passphrase' })
  })

  it('that can’t be written is known before anything of it is', async () => {
    mkdirSync(join(folder, 'taken.backup.partial'))
    await expect(BackupWriter.create(join(folder, 'taken.backup'))).rejects.toMatchObject({
      code: 'file-not-written',
      message: expect.stringContaining('EISDIR'),
    })
  })

  it('is written by one run at a time, and neither damages the other', async () => {
    const path = join(folder, 'twice.backup')
    const first = await BackupWriter.create(path)
    await expect(BackupWriter.create(path)).rejects.toMatchObject({ code: 'backup-under-way' })
    await first.begin(header, lockKey(key, passphrase))
    await first.seal((index) => sign('sha256', index, key))
    await first.keep()
    await first.discard()
    await expect(BackupWriter.create(path)).rejects.toMatchObject({ code: 'file-exists' })
    expect(readdirSync(folder).filter((name) => name.startsWith('twice'))).toEqual(['twice.backup'])
    const reader = await BackupReader.open(path)
    expect(reader.header).toEqual(header)
    await reader.close()
  })

  it('replaces what a killed run left, which can’t damage it if it was only asleep', async () => {
    const path = join(folder, 'asleep.backup')
    const asleep = await BackupWriter.create(path)
    utimesSync(`${path}.partial`, 0, 0)
    const next = await BackupWriter.create(path)
    await asleep.add('README.txt', Buffer.from('late'))
    await asleep.seal((index) => sign('sha256', index, key))
    await expect(asleep.keep()).rejects.toMatchObject({ code: 'backup-under-way' })
    await asleep.discard()
    expect(statSync(`${path}.partial`).size).toBe(0)
    await next.discard()
    expect(existsSync(`${path}.partial`)).toBe(false)
  })

  it('replaces what a run left whose clock was ahead', async () => {
    const path = join(folder, 'ahead.backup')
    writeFileSync(`${path}.partial`, 'left')
    const later = Date.now() / 1000 + 3600
    utimesSync(`${path}.partial`, later, later)
    const next = await BackupWriter.create(path)
    expect(statSync(`${path}.partial`).size).toBe(0)
    await next.discard()
  }, 20_000)

  it('does not replace a symbolic link, wherever it leads', async () => {
    const [dangling, circle] = [join(folder, 'dangling'), join(folder, 'circle')]
    symlinkSync(join(folder, 'nowhere'), dangling)
    symlinkSync(circle, circle)
    for (const path of [dangling, circle]) {
      await expect(BackupWriter.create(path)).rejects.toMatchObject({
        code: 'file-exists',
        message: `${path} is a symbolic link that leads to no file.`,
      })
      expect(lstatSync(path).isSymbolicLink()).toBe(true)
      expect(existsSync(`${path}.partial`)).toBe(false)
    }
    const late = join(folder, 'late')
    const writer = await BackupWriter.create(late)
    symlinkSync(join(folder, 'nowhere'), late)
    await expect(writer.keep()).rejects.toMatchObject({ code: 'file-exists' })
    await writer.discard()
    expect(lstatSync(late).isSymbolicLink()).toBe(true)
  })

  it('gets a name that none has, also of one that is under way', async () => {
    const at = Date.parse('2026-11-26T05:00:00.500Z')
    const named = async () => (await freeName(folder, 'team-a', at)).slice(folder.length + 1)
    expect(await named()).toBe('librechat-team-a-20261126T050000Z.backup')
    writeFileSync(join(folder, await named()), '')
    writeFileSync(join(folder, `${await named()}.partial`), '')
    expect(await named()).toBe('librechat-team-a-20261126T050002Z.backup')
  })

  it('is refused when it was cut anywhere', async () => {
    for (const length of [size - 1, size - 600, size - 1300, size >> 1, 8000]) {
      const cut = copy('cut.backup', (data) => data)
      truncateSync(cut, length)
      await expect(verified(cut), `${length} bytes`).rejects.toMatchObject({ code: 'backup-damaged' })
    }
  })

  it('is refused when a byte of any of its files was changed', async () => {
    const original = readFileSync(path)
    for (const name of [
      'README.txt',
      'backup.json',
      'key.pem',
      'files.tar.000001.cms',
      'manifest.json.000000.cms',
      'index.json',
      'index.sig',
    ]) {
      const at = original.indexOf(Buffer.from(`${name}\0`)) + 512 + 50
      const changed = copy('changed.backup', (data) => {
        data[at] = (data[at] ?? 0) ^ 1
        return data
      })
      await expect(verified(changed), name).rejects.toMatchObject({
        code: expect.stringMatching(/^backup-(damaged|foreign)$/),
      })
    }
  })

  it('is refused when a bit of its tar was changed: a header, a gap or the end', async () => {
    const original = readFileSync(path)
    const head = original.indexOf(Buffer.from('key.pem\0'))
    const gap = original.indexOf(Buffer.from('files.tar.000000.cms\0')) - 1
    for (const at of [0, 1, 100, 130, 148, 156, 257, 400]
      .map((field) => head + field)
      .concat(gap, size - 1)) {
      const changed = copy('bit.backup', (data) => {
        data[at] = (data[at] ?? 0) ^ 1
        return data
      })
      await expect(verified(changed), `byte ${at - head}`).rejects.toMatchObject({ code: 'backup-damaged' })
    }
    const longer = copy('longer.backup', (data) => Buffer.concat([data, randomBytes(512)]))
    await expect(verified(longer)).rejects.toMatchObject({ code: 'backup-damaged' })
    // As Python's tarfile ends it on the host.
    await verified(copy('record.backup', (data) => Buffer.concat([data, Buffer.alloc(9216)])))
  })

  it.each([
    ['negative', '-0000001000'],
    ['of three gigabytes', '30000000000'],
    ['of a gigabyte', '10000000000'],
    ['of a megabyte', '00004000000'],
    ['no number', '0000000x000'],
  ])('is refused with a size that is %s in a header', async (_, text) => {
    const forged = copy('size.backup', (data) => {
      const head = data.indexOf(Buffer.from('key.pem\0'))
      data.write(text, head + 124, 'latin1')
      data.write('        ', head + 148, 'latin1')
      const sum = data.subarray(head, head + 512).reduce((all, byte) => all + byte, 0)
      data.write(`${sum.toString(8).padStart(6, '0')}\0 `, head + 148, 'latin1')
      return data
    })
    truncateSync(forged, 4 * 1024 ** 3)
    await expect(verified(forged)).rejects.toMatchObject({ code: 'backup-damaged' })
  })

  it('is refused if another key signed it: anyone with the public key could have made it', async () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey
    const forged = join(folder, 'forged.backup')
    const writer = await BackupWriter.create(forged)
    await writer.begin(header, lockKey(key, passphrase))
    await writer.seal((index) => sign('sha256', index, other))
    await writer.keep()
    await expect(verified(forged)).rejects.toMatchObject({
      code: 'backup-damaged',
      why: expect.stringContaining('signature'),
    })
  })

  it.each([
    ['no file', join(folder, 'nothing'), 'no-such-file'],
    ['a folder', folder, 'no-such-file'],
    ['a device', '/dev/zero', 'no-such-file'],
    ['a pipe that nothing writes to', pipe, 'no-such-file'],
    ['a foreign file', new URL(import.meta.url).pathname, 'backup-foreign'],
  ])('is not %s', async (_, given, code) => {
    await expect(verified(given)).rejects.toMatchObject({ code })
  })

  it('of a newer version says so', async () => {
    const newer = await written('newer.backup', { format: fileFormat + 1 })
    await expect(verified(newer)).rejects.toMatchObject({ code: 'backup-newer' })
  })
})
