import { generateKeyPairSync, privateEncrypt, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, inject, it } from 'vitest'
import { BackupReader, fileFormat, readme } from '../../src/app/backup/file.js'
import { plainOf, verifyReader } from '../../src/app/backup/verify.js'
import { lockKey, publicPem } from '../../src/host/cms.js'
import { DumpHost, first } from '../support/dump-host.js'
import { describeAws } from '../support/moto.js'
import { account, FakeS3 } from '../support/s3.js'

const { privateKey: key } = generateKeyPairSync('rsa', { modulusLength: 3072 })
const name = 'of/team a (1)/librechat-default-20261126T050000Z.backup'
const signatureOf = (sha256: string) =>
  privateEncrypt(key, Buffer.from(`3031300d060960864801650304020105000420${sha256}`, 'hex')).toString(
    'base64',
  )

describeAws('the host uploads a backup to S3', (moto) => {
  let host: DumpHost
  let s3: FakeS3
  beforeEach(async () => {
    host = new DumpHost()
    s3 = await FakeS3.start(moto().url)
  })
  afterEach(() => {
    s3.close()
    host.close()
  })

  const place = (more = {}) => ({
    bucket: s3.bucket,
    key: name,
    region: 'us-east-1',
    suffix: 'amazonaws.com',
    account,
    ...more,
  })
  const pack = (to = place()) =>
    host.backupBeside(
      {
        action: 'pack',
        publicKey: publicPem(key),
        settings: '{"a":1}',
        key: lockKey(key, 'four random words'),
        readme,
        header: { format: fileFormat, lab: 'default', region: 'eu-west-1', at: '2026-11-26T05:00:00.000Z' },
        to,
      },
      s3.env,
    )
  const upload = ({ id, index }: { id: string; index: string }, to = place()) =>
    host.backupBeside({ action: 'upload', id, signature: signatureOf(index), to }, s3.env)
  const leavesNothing = async () => {
    expect(await s3.uploads()).toEqual([])
    expect(host.list('dumps')).toEqual([])
    expect(host.list('lab/state')).not.toContain('s3-upload.json')
    expect(host.served()).toEqual(first)
  }

  it('that opens with its passphrase after a download, each request signed as botocore signs it', async () => {
    const picture = randomBytes(18 * 1024 * 1024)
    host.put('volumes/librechat-lab_images/picture.png', picture)
    // Of an instance in another region than the bucket's.
    s3.region = 'eu-central-1'
    const to = place({ region: 'eu-west-1' })
    const { packed } = await pack(to)
    expect(packed).toMatchObject({ id: expect.stringMatching(/Z-backup$/), left: null })
    const failed = new Set<string>()
    s3.fault = ({ does }) => {
      if (failed.has(does) || !/part/.test(does)) return undefined
      failed.add(does)
      return does === 'part 1' ? 'cut' : { status: 503, code: 'SlowDown' }
    }
    const { uploaded } = await upload(packed, to)
    const object = (await s3.object(name)) ?? Buffer.alloc(0)
    expect(uploaded).toEqual({
      bytes: object.length,
      region: 'eu-central-1',
      checksum: expect.stringMatching(/=-2$/),
    })
    expect(s3.did.filter((does) => does.startsWith('part'))).toEqual(['part 1', 'part 1', 'part 2', 'part 2'])
    expect(s3.wronglySigned(inject('python') ?? '')).toEqual([])
    const [sent] = s3.requests
    if (sent) sent.headers['x-amz-expected-bucket-owner'] = '210987654321'
    expect(s3.wronglySigned(inject('python') ?? '')).toHaveLength(1)

    const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-s3-'))
    writeFileSync(join(folder, 'lab.backup'), object)
    const reader = await BackupReader.open(join(folder, 'lab.backup'))
    const verified = await verifyReader(reader, key, {
      onRead: () => {},
      signal: new AbortController().signal,
    })
    expect(verified).toMatchObject({ header: { lab: 'default', id: packed.id }, librechat: 'v0.8.8' })
    expect((await plainOf(reader, key, 'files.tar')).includes(picture)).toBe(true)
    expect((await plainOf(reader, key, 'secrets.env')).toString()).toContain(first.key)
    await reader.close()
    rmSync(folder, { recursive: true })
    await leavesNothing()
  })

  it.each([
    ['a bucket of another account', 's3-denied', { owner: '210987654321' }, {}],
    ['no bucket', 'no-such-bucket', {}, { bucket: 'nobody-has-this-bucket' }],
  ])('not to %s, which is found before LibreChat stops', async (_, code, changed, to) => {
    Object.assign(s3, changed)
    const { error } = await pack(place(to))
    expect(error).toMatchObject({ code, refused: true })
    expect(host.list('.')).not.toContain('calls')
    await leavesNothing()
  })

  it('once a permission that is some seconds old counts, in a region that only the answer names', async () => {
    let denied = 3
    s3.fault = ({ does }) =>
      does === 'begin' && denied-- > 0 ? { status: 403, code: 'AccessDenied' } : undefined
    const { packed } = await pack(place({ region: 'eu-north-1' }))
    expect(packed.id).toMatch(/-backup$/)
    expect(await s3.uploads()).toEqual([])
  })

  it('although any request may be denied once after others were allowed, while a permission is new', async () => {
    const denied = new Set<string>()
    s3.fault = ({ does }) => {
      if (denied.has(does)) return undefined
      denied.add(does)
      return { status: 403, code: 'AccessDenied' }
    }
    const { packed } = await pack()
    // The check has had its denials.
    denied.clear()
    expect(await upload(packed)).toHaveProperty('uploaded')
    expect([...denied]).toEqual(['begin', 'part 1', 'complete'])
    await leavesNothing()
  })

  it('and names what its check could not abort, before LibreChat stops', async () => {
    s3.fault = ({ does }) => (does === 'abort' ? { status: 403, code: 'AccessDenied' } : undefined)
    const { error } = await pack()
    expect(error).toMatchObject({ code: 's3-denied', why: expect.stringContaining('still in S3') })
    expect(host.list('.')).not.toContain('calls')
    s3.fault = () => undefined
    await pack()
    expect(await s3.uploads()).toEqual([])
  })

  it('or says that it is not there when the upload was aborted while S3 was busy', async () => {
    const { packed } = await pack()
    const answers = [
      { status: 503, code: 'SlowDown' },
      { status: 503, code: 'ServiceUnavailable' },
      { status: 404, code: 'NoSuchUpload' },
    ]
    s3.fault = ({ does }) => {
      if (does === 'complete') return answers.shift()
      // Somebody has aborted it.
      return does === 'abort' ? { status: 404, code: 'NoSuchUpload' } : undefined
    }
    expect(await upload(packed)).toMatchObject({ error: { code: 's3-refused' } })
    expect(await s3.objects()).toEqual([])
    expect(host.list('lab/state')).not.toContain('s3-upload.json')
  })

  it.each([
    ['denied in the middle', 's3-denied', { status: 403, code: 'AccessDenied' }],
    ['that fails for good', 's3-refused', { status: 500, code: 'InternalError' }],
    ['that arrives changed', 's3-refused', { status: 400, code: 'BadDigest' }],
    ['cut off each time', 's3-unreachable', 'cut'],
  ] as const)('or aborts it: a part %s', async (_, code, fault) => {
    const { packed } = await pack()
    s3.fault = ({ does }) => (does === 'part 1' ? fault : undefined)
    expect(await upload(packed)).toMatchObject({ error: { code } })
    expect(await s3.objects()).toEqual([])
    await leavesNothing()
  })

  it('and never over an object that exists', async () => {
    const sent = await pack()
    expect(await upload(sent.packed)).toHaveProperty('uploaded')
    const { packed } = await pack()
    expect(await upload(packed)).toMatchObject({ error: { code: 'object-exists', refused: true } })
    await leavesNothing()
  })

  it('and knows that it is there when the answer to the last request was lost', async () => {
    const { packed } = await pack()
    let lost = 0
    s3.fault = ({ does }) => (does === 'complete' && lost++ === 0 ? 'lost' : undefined)
    expect(await upload(packed)).toMatchObject({ uploaded: { region: 'us-east-1' } })
    expect(await s3.objects()).toEqual([name])
    await leavesNothing()
  })

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'and leaves no parts behind: ended by %s, and begun again',
    async (signal) => {
      const { packed } = await pack()
      s3.fault = ({ does }) => {
        if (does === 'part 1') process.kill(host.running ?? 0, signal)
        return undefined
      }
      await expect(upload(packed)).rejects.toThrow(/ended with/)
      s3.fault = () => undefined
      expect(await s3.uploads()).toHaveLength(signal === 'SIGTERM' ? 0 : 1)
      const again = await pack()
      expect(await s3.uploads()).toEqual([])
      expect(await upload(again.packed)).toHaveProperty('uploaded')
      await leavesNothing()
    },
  )

  it('and says which parts it could not abort, while the next is not stopped by them', async () => {
    const { packed } = await pack()
    const denied = { status: 403, code: 'AccessDenied' } as const
    s3.fault = ({ does }) => (does === 'part 1' || does === 'abort' ? denied : undefined)
    const { error } = await upload(packed)
    expect(error.code).toBe('s3-denied')
    const [uploadId] = await s3.uploads()
    s3.fault = ({ does, target }) =>
      does === 'abort' && target.includes(uploadId ?? '?') ? denied : undefined
    expect((await pack()).packed.left).toEqual({
      bucket: s3.bucket,
      key: name,
      region: 'us-east-1',
      uploadId,
    })
  })
})
