import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { account, newFolder } from './in-process.js'

const pass = join(newFolder(), 'pass.txt')
writeFileSync(pass, 'four random words\n')
const toS3 = `backup --to s3://my-backups/lab --passphrase-file ${pass}`
const lab = account()
const policies = () => Object.keys(lab.there().roles.LibreChatInstanceRole?.inline ?? {})

describe('backup --to', () => {
  beforeAll(async () => {
    expect((await lab.run('up --yes --email me@example.org')).code).toBe(0)
  })

  it('uploads from the host, and names how to get it back', async () => {
    const ended = await lab.run(toS3)
    expect(ended.code, ended.stderr).toBe(0)
    const [url = ''] =
      /s3:\/\/my-backups\/lab\/librechat-default-\d{8}T\d{6}Z\.backup/.exec(ended.stdout) ?? []
    expect(ended.stdout).toContain(`aws s3 cp ${url} .`)
    expect(ended.stdout).toContain(`restore --rehearse ${url.split('/').at(-1)}`)
    expect(policies()).toEqual(['LibreChatBedrock'])
    expect(JSON.parse((await lab.run('destroy --dry-run --json')).stdout).lastBackup).not.toBeNull()
  })

  it('takes the permission away where S3 refuses, and leaves LibreChat running', async () => {
    const ended = await lab.run(toS3.replace('my-backups', 'no-such-bucket'))
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('There is no bucket no-such-bucket.')
    expect(policies()).toEqual(['LibreChatBedrock'])
  })

  it('leaves it to the host that goes on after Ctrl-C; status shows it, and up removes it', async () => {
    const ended = await lab.run(toS3, { stopAt: /dump on the host/ })
    expect(ended.code).toBe(130)
    expect(ended.stderr).toMatch(/keeps the permission for it \(LibreChatBackup\)/)
    expect(ended.stderr).toContain(
      `backup --rehearse --passphrase-file ${pass} --to s3://my-backups/lab   starts again`,
    )
    expect(policies()).toEqual(['LibreChatBedrock', 'LibreChatBackup'])
    const { resources } = JSON.parse((await lab.run('status --json')).stdout)
    expect(JSON.stringify(resources)).toContain('policy of a backup that runs or was interrupted')
    expect((await lab.run('up --yes')).code).toBe(0)
    expect(policies()).toEqual(['LibreChatBedrock'])
  })
})
