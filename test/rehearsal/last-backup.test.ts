import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Connection } from '../../src/aws/connect.js'
import { quickClock, type RunOptions, runHere } from './in-process.js'

// One whole lab; each test begins with a copy of it.
let account = ''
const clock = quickClock()
const passphrase = join(mkdtempSync(join(tmpdir(), 'librechat-lab-pass-')), 'pass.txt')

function fresh() {
  const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-last-'))
  const path = join(folder, 'librechat-lab', 'rehearsal.json')
  const run = (line: string, more: Partial<RunOptions> = {}) =>
    runHere([...line.split(' '), '--rehearse'], { folder, clock, ...more })
  return { folder, path, run }
}

const json = ({ stdout }: { stdout: string }): unknown => JSON.parse(stdout)

beforeAll(async () => {
  writeFileSync(passphrase, 'four random words\n')
  const whole = fresh()
  await whole.run('up --yes --email me@example.org')
  account = readFileSync(whole.path, 'utf8')
})

/** Interrupts a run as it makes this call, which AWS gets, and notes the names of all calls. */
const cutAt =
  (call: RegExp, calls: string[] = []): NonNullable<RunOptions['through']> =>
  (connection, interrupt) => {
    for (const client of [connection.clients.ec2, connection.clients.ec2Once, connection.clients.ssm]) {
      const send = client.send.bind(client) as (command: object) => Promise<unknown>
      Object.assign(client, {
        send: async (command: { constructor: { name: string }; input?: { Comment?: string } }) => {
          const { name } = command.constructor
          if (call.test(`${name} ${command.input?.Comment}`)) interrupt()
          calls.push(name)
          return await send(command)
        },
      })
    }
    return connection
  }

async function lab() {
  const one = fresh()
  await one.run('list')
  writeFileSync(one.path, account)
  return one
}

describe('destroy', () => {
  it('warns a script that decided nothing about a backup, and says that none is known', async () => {
    const { run } = await lab()
    const ended = await run('destroy --confirm default')
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stderr).toContain('No backup of this lab is known.')
    expect(ended.stderr).toContain('add --backup <file> or --no-backup')
  })

  it('backs up first, and deletes nothing where that fails', async () => {
    const { run, folder } = await lab()
    const file = join(folder, 'lab.backup')
    writeFileSync(file, 'something else')
    const destroy = `destroy --confirm default --backup ${file} --passphrase-file ${passphrase}`
    const refused = await run(destroy)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/exists already\.[\s\S]*This run deleted nothing/)
    expect(refused.stderr).toContain(`backup verify ${file}`)
    expect(refused.stderr).toContain('destroy --rehearse --confirm default --no-backup')
    expect(json(await run('status --json'))).toMatchObject({ exists: true })

    const other = `${file}.2`
    const ended = await run(`${destroy.replace(file, other)} --json`)
    expect(ended.code, ended.stderr).toBe(0)
    expect(json(ended)).toMatchObject({ left: [], backup: other })
    expect(existsSync(other)).toBe(true)
  })

  it('interrupted or refused once the backup is made, says how to go on without another one', async () => {
    const whole = await lab()
    const begun = (file: string, more: Partial<RunOptions>) => {
      const destroy = `destroy --confirm default --backup ${file} --passphrase-file ${passphrase} --release-address 203.0.113.10`
      return whole.run(destroy, more)
    }
    const file = join(whole.folder, 'lab.backup')
    const cut = await begun(file, { stopAt: /instance LibreChat +removed/ })
    expect(cut.code, cut.stderr).toBe(130)
    const [, line = ''] =
      /librechat-lab (destroy .*\S) {3}continues where it stopped; the backup is in /.exec(cut.stderr) ?? []
    expect(line).toBe('destroy --rehearse --confirm default --no-backup --release-address 203.0.113.10')
    expect(existsSync(file)).toBe(true)

    // The same command is refused, and does not say that nothing was deleted.
    const refused = await begun(`${file}.2`, {})
    expect(refused.stderr).toMatch(/no instance to back up\.\n.*This run deleted nothing/)
    expect(refused.stderr).toContain('--no-backup --release-address 203.0.113.10   deletes what is left')
    const ended = await whole.run(line.replace(' --rehearse', ''))
    expect(ended.code, ended.stderr).toBe(0)
    expect(await whole.run('status')).toMatchObject({ code: 3 })
  })

  it('says how old the last backup file is', async () => {
    const { run, folder } = await lab()
    await run(`backup ${join(folder, 'lab.backup')} --passphrase-file ${passphrase}`)
    const planned = await run('destroy --dry-run --json')
    expect(json(planned)).toMatchObject({ lastBackup: { kind: 'file' } })
    const ended = await run('destroy --confirm default')
    expect(ended.stderr).toMatch(/The last backup file of this lab was made .+ ago \(2026-/)
  })

  it('can’t back up what doesn’t run', async () => {
    const { run, folder } = await lab()
    await run('stop')
    const ended = await run(`destroy --confirm default --backup ${join(folder, 'lab.backup')}`)
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('its instance is stopped')
    expect(ended.stderr).toContain('destroy --rehearse --confirm default --no-backup')
  })

  it('finds that the file can’t be written before LibreChat stops', async () => {
    const { run, folder } = await lab()
    mkdirSync(join(folder, 'lab.backup.partial'))
    const ended = await run(`backup ${join(folder, 'lab.backup')} --passphrase-file ${passphrase}`)
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('can’t be written: EISDIR')
    expect(ended.stderr).not.toContain('LibreChat stops')
  })

  it('judges this computer’s space by the last dump, before LibreChat stops', async () => {
    const { run, folder, path } = await lab()
    const account = JSON.parse(readFileSync(path, 'utf8'))
    const [instance] = Object.values<{ host: object }>(account.regions['us-east-1'].instances)
    const dump = { id: '20261126T021500Z-nightly', at: '2026-11-26T02:15:00Z', reason: 'nightly' }
    const huge = { ...dump, bytes: 1e15, librechat: 'v0.8.8', users: [] }
    Object.assign(instance?.host ?? {}, { dumps: [huge] })
    writeFileSync(path, JSON.stringify(account))
    const ended = await run(`backup ${join(folder, 'lab.backup')} --passphrase-file ${passphrase}`)
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/the backup needs 1010 TB\.\n.*LibreChat was not stopped/)
    expect(ended.stderr).not.toContain('dump on the host')
    expect(readdirSync(folder)).not.toContain('lab.backup.partial')
  })

  it('takes the dump off the host where the file can’t be finished', async () => {
    const { run, folder } = await lab()
    const file = join(folder, 'lab.backup')
    const calls = async (spoils: boolean) => {
      const sent: string[] = []
      const through = (connection: Connection) => {
        const { ssm } = connection.clients
        const send = ssm.send.bind(ssm) as (command: object) => Promise<unknown>
        Object.assign(ssm, {
          send: async (command: object) => {
            sent.push(command.constructor.name)
            if (spoils && command.constructor.name === 'StartSessionCommand') writeFileSync(file, 'taken')
            return await send(command)
          },
        })
        return connection
      }
      const ended = await run(`backup ${file} --passphrase-file ${passphrase}`, { through })
      const isWithdrawn = sent.lastIndexOf('SendCommandCommand') > sent.lastIndexOf('StartSessionCommand')
      return { ...ended, isWithdrawn }
    }
    const spoilt = await calls(true)
    expect(spoilt.code).toBe(1)
    expect(spoilt.isWithdrawn).toBe(true)
    expect(spoilt.stderr).toContain('exists already')
    expect(spoilt.stderr).toContain(
      `librechat-lab backup --rehearse --passphrase-file ${passphrase}   uses a new name`,
    )
    rmSync(file)
    const whole = await calls(false)
    expect(whole.code, whole.stderr).toBe(0)
    expect(whole.isWithdrawn).toBe(true)
  })

  it('waits with a backup for another run', async () => {
    const { run, folder, path } = await lab()
    const account = JSON.parse(readFileSync(path, 'utf8'))
    const holder = { id: 'other', who: 'ann@laptop', command: 'restore', since: '2026-11-26T08:00:00Z' }
    const lock = { value: JSON.stringify(holder), version: 1 }
    account.regions['us-east-1'].parameters['/librechat-lab/default/lock'] = lock
    writeFileSync(path, JSON.stringify(account))
    const ended = await run(`backup ${join(folder, 'lab.backup')} --passphrase-file ${passphrase}`)
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stderr).toMatch(/ann@laptop \(restore, since .*waiting for them to finish/)
    expect(ended.stderr.indexOf('ann@laptop')).toBeLessThan(ended.stderr.indexOf('dump on the host'))
    const { parameters } = JSON.parse(readFileSync(path, 'utf8')).regions['us-east-1']
    expect(Object.keys(parameters)).not.toContain('/librechat-lab/default/lock')
  })

  it('says that a backup is made which was interrupted after its file got its name', async () => {
    const { run, folder } = await lab()
    const file = join(folder, 'lab.backup')
    const calls: string[] = []
    const through = cutAt(/^CreateTags/, calls)
    const ended = await run(`backup ${file} --passphrase-file ${passphrase}`, { through })
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stdout).toContain(`Backed up to ${file}`)
    // The dump is taken off the host, and destroy knows of the backup.
    expect(calls.lastIndexOf('SendCommandCommand')).toBeGreaterThan(calls.indexOf('CreateTagsCommand'))
    expect(json(await run('destroy --dry-run --json'))).toMatchObject({ lastBackup: { kind: 'file' } })

    const other = `${file}.2`
    const destroy = `destroy --confirm default --backup ${other} --passphrase-file ${passphrase}`
    const stopped = await run(destroy, { through: cutAt(/^CreateTags/) })
    expect(stopped.code, stopped.stderr).toBe(130)
    expect(stopped.stderr).not.toContain('was not made')
    expect(stopped.stderr).toMatch(
      /--no-backup {3}continues where it stopped; the backup is in .*lab\.backup\.2/,
    )
    expect(json(await run('status --json'))).toMatchObject({ exists: true })
  })

  it('takes the dump off the host also after Ctrl-C', async () => {
    const { run, folder } = await lab()
    const calls: string[] = []
    const file = join(folder, 'lab.backup')
    const ended = await run(`backup ${file} --passphrase-file ${passphrase}`, {
      through: cutAt(/^StartSession/, calls),
    })
    expect(ended.code, ended.stderr).toBe(130)
    expect(existsSync(file)).toBe(false)
    expect(calls.lastIndexOf('SendCommandCommand')).toBeGreaterThan(calls.indexOf('StartSessionCommand'))
  })

  it('keeps snapshots apart that begin within a second', async () => {
    const { run } = await lab()
    const at = clock.now()
    const named = async () =>
      (
        json(await run('backup --snapshot --json', { clock: quickClock(at) })) as {
          snapshot: { name: string }
        }
      ).snapshot.name
    expect(new Set([await named(), await named(), await named()]).size).toBe(3)
  })

  it('keeps snapshots, says what they cost, and they are removed by name without a lab', async () => {
    const { run } = await lab()
    const made = json(await run('backup --snapshot --json')) as { snapshot: { name: string } }
    const { name } = made.snapshot
    const ended = await run('destroy --confirm default --no-backup --release-address 203.0.113.10')
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stdout).toContain('Only its snapshots are left.')
    expect(ended.stdout).toContain(`snapshot ${name}`)
    expect(ended.stdout).toContain('at most $1.50 a month')
    expect((await run('backup list')).stdout).toContain(name)
    expect((await run(`backup remove ${name} --confirm default`)).code).toBe(0)
    expect((await run('backup list')).code).toBe(3)
  })
})

describe('restore', () => {
  it('refuses another lab’s name and a passphrase that nothing needs before it reads anything', async () => {
    const { run, folder } = await lab()
    const file = join(folder, 'no.backup')
    const other = await run(`restore ${file} --confirm other --passphrase-file ${passphrase}`)
    expect(other.stderr).toContain('--confirm is "other", but the lab\'s name is "default"')
    const dump = '20261126T021500Z-nightly'
    const unused = await run(`restore ${dump} --confirm default --passphrase-file nofile`)
    expect(unused.code).toBe(1)
    expect(unused.stderr).toContain("--passphrase-file can't be combined with a dump on the host.")
    expect(unused.stderr).toContain(`restore --rehearse ${dump} --confirm default   restores the dump`)
  })

  it('takes only s3:// for a place in S3', async () => {
    const { run } = await lab()
    expect((await run('backup verify s3://b/x')).stderr).toContain('aws s3 cp s3://b/x .')
    expect((await run('backup verify S3://b/x')).stderr).not.toContain('aws s3 cp')
  })
})

describe('Ctrl-C', () => {
  const fixOf = (ended: { stdout: string }) =>
    (json(ended) as { error: { code: string; why: string; fix: string[] } }).error

  it('during a restore says that the host goes on, and which data LibreChat uses', async () => {
    const { run, folder } = await lab()
    const file = join(folder, 'lab.backup')
    await run(`backup ${file} --passphrase-file ${passphrase}`)
    const restore = `restore ${file} --confirm default --passphrase-file ${passphrase}`
    const stopped = await run(`${restore} --json`, { through: cutAt(/backup-restore/) })
    expect(stopped.code, stopped.stderr).toBe(130)
    const { code, why, fix } = fixOf(stopped)
    expect(code).toBe('interrupted')
    expect(why).toMatch(/host goes on .* the restored data .* the previous data if it fails/)
    expect(fix.join('\n')).toMatch(/backup list --rehearse.*previous data[\s\S]*restores again/)
    // Before the host restores, there is nothing to say about the data.
    const early = await run(`${restore} --json`, { through: cutAt(/^StartSession/) })
    expect(fixOf(early)).not.toHaveProperty('why')
  })

  it('during a snapshot names it, its cost, and how to delete it', async () => {
    const { run } = await lab()
    const stopped = await run('backup --snapshot --json', { through: cutAt(/^CreateSnapshot/) })
    expect(stopped.code, stopped.stderr).toBe(130)
    const { why, fix } = fixOf(stopped)
    const [name = ''] = /\d{8}T\d{6}Z-snapshot/.exec(why) ?? []
    expect(why).toMatch(/\(snap-\w+\) by itself\. It stays and costs at most \$\d+\.\d\d a month/)
    expect(fix.join('\n')).toContain(`backup remove --rehearse ${name}`)
    expect(fix.at(-1)).toMatch(/backup --rehearse --snapshot .*makes another one/)
    expect((await run('backup list')).stdout).toContain(name)
    expect((await run(`backup remove ${name} --confirm default`)).code).toBe(0)
  })

  it('is not the only end of the wait for a snapshot that names it', async () => {
    const { run } = await lab()
    let looks = 0
    const through = (connection: Connection) => {
      const { ec2 } = connection.clients
      const send = ec2.send.bind(ec2) as (command: object) => Promise<unknown>
      Object.assign(ec2, {
        send: async (command: object) => {
          if (command.constructor.name === 'DescribeSnapshotsCommand' && looks++ > 0)
            throw Object.assign(new Error('expired'), { name: 'ExpiredToken' })
          return await send(command)
        },
      })
      return connection
    }
    const failed = await run('backup --snapshot --json', { through })
    expect(failed.code, failed.stderr).toBe(2)
    expect(fixOf(failed).why).toMatch(/\d{6}Z-snapshot \(snap-\w+\) by itself/)
  })
})

it('a backup of an arm64 lab is restored into an x86_64 lab of another region, which keeps its own settings', async () => {
  const { run, folder } = fresh()
  const file = join(folder, 'lab.backup')
  const done = async (line: string) => {
    const ended = await run(line)
    expect(ended.code, `${line}: ${ended.stderr}`).toBe(0)
    return ended
  }
  await done('up --yes --region eu-central-1 --instance-type t4g.medium --disk 60 --allowance 5')
  await done('user add ann@example.org --region eu-central-1')
  await done(`backup ${file} --passphrase-file ${passphrase} --region eu-central-1`)
  await done('destroy --confirm default --no-backup --region eu-central-1')

  await done('up --yes --region us-east-1 --instance-type t3.medium')
  const spec = async () => (json(await done('status --json --region us-east-1')) as { spec: unknown }).spec
  const before = await spec()
  expect(before).toMatchObject({ instanceType: 't3.medium', diskGb: 30 })
  await done(`restore ${file} --confirm default --passphrase-file ${passphrase} --region us-east-1`)
  expect(await spec()).toEqual(before)
  expect((await done('user list --region us-east-1')).stdout).toContain('ann@example.org')
  expect((await done('up --yes --dry-run --region us-east-1')).stdout).not.toMatch(/^ +[+~-] /m)
})

it('the rehearsal’s host keeps two dumps from before a restore: the newest, and the data from before a repeated one', async () => {
  const { run, folder } = fresh()
  const file = join(folder, 'lab.backup')
  await run('up --yes')
  await run(`backup ${file} --passphrase-file ${passphrase}`)
  const kept: string[][] = []
  for (let time = 1; time <= 4; time++) {
    await run(`restore ${file} --confirm default --passphrase-file ${passphrase}`)
    const { dumps } = json(await run('backup list --json')) as { dumps: { id: string }[] }
    kept.push(dumps.map(({ id }) => id))
  }
  expect(kept.map(({ length }) => length)).toEqual([1, 2, 2, 2])
  expect(new Set(kept.map(([original]) => original)).size).toBe(1)
  expect(new Set(kept.map((ids) => ids.at(-1))).size).toBe(4)
})
