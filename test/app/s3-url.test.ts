import { expect, it } from 'vitest'
import { backupPath, parseS3Url } from '../../src/app/backup/s3-url.js'
import { backupGrant } from '../../src/resources/backup-grant.js'
import { judge } from '../security/judge.js'

it.each([
  ['s3://my-backups', 'my-backups', ''],
  ['s3://my-backups/', 'my-backups', ''],
  ['s3://my.backups/lab', 'my.backups', 'lab/'],
  ['s3://my-backups/labs/team_a-(1)/', 'my-backups', 'labs/team_a-(1)/'],
])('%s is a place in S3', (text, bucket, prefix) => {
  expect(parseS3Url(text)).toEqual({ bucket, prefix })
})

it.each([
  's3:/my-backups',
  'S3://my-backups',
  'https://my-backups.s3.amazonaws.com',
  's3://',
  's3://Upper/lab',
  's3://ab',
  's3://192.0.2.1/lab',
  's3://my..backups',
  's3://my-backups--use1-az4--x-s3/lab',
  's3://my-ap-s3alias/lab',
  's3://arn:aws:s3:us-east-1:123456789012:accesspoint/ap',
  's3://my-backups/*',
  's3://my-backups/a?b',
  `s3://my-backups/${'$'}{aws:username}`,
  's3://my-backups/a//b',
  's3://my-backups//a',
  's3://my-backups/../a',
  's3://my-backups/a/./b',
  's3://my-backups/a\nb',
  's3://my-backups/a b',
  's3://my-backups/é',
  `s3://my-backups/${'a'.repeat(900)}`,
])('%j is none', (text) => {
  expect(() => parseS3Url(text)).toThrow(expect.objectContaining({ code: 'bad-s3-url' }))
})

it('an object in S3 is no file to verify or restore', () => {
  expect(() => backupPath('s3://my-backups/lab/a.backup')).toThrow(
    expect.objectContaining({
      code: 'backup-in-s3',
      fix: expect.arrayContaining([{ run: 'aws s3 cp s3://my-backups/lab/a.backup .' }]),
    }),
  )
  expect(backupPath('/tmp/a.backup')).toBe('/tmp/a.backup')
})

it('the role may write that one object for a while, and read, list or replace no other', async () => {
  const policy = backupGrant({
    partition: 'aws',
    bucket: 'my-backups',
    key: 'lab/now.backup',
    prefix: 'lab/',
    until: Date.parse('2026-11-26T12:00:00Z'),
  })
  const asked = (action: string, key: string, time = '2026-11-26T11:59:00Z') =>
    judge([policy], {
      action,
      resource: `arn:aws:s3:::my-backups/${key}`,
      context: { 'aws:CurrentTime': time },
    })
  expect(await asked('s3:PutObject', 'lab/now.backup')).toBe('Allowed')
  expect(await asked('s3:AbortMultipartUpload', 'lab/before.backup')).toBe('Allowed')
  for (const [action, key] of [
    ['s3:PutObject', 'lab/before.backup'],
    ['s3:GetObject', 'lab/now.backup'],
    ['s3:DeleteObject', 'lab/before.backup'],
    ['s3:AbortMultipartUpload', 'other/before.backup'],
  ] as const)
    expect(await asked(action, key), `${action} ${key}`).toBe('ImplicitlyDenied')
  expect(await asked('s3:PutObject', 'lab/now.backup', '2026-11-26T12:01:00Z')).toBe('ImplicitlyDenied')
})
