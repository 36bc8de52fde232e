import { setTimeout as sleep } from 'node:timers/promises'
import { DescribeSnapshotsCommand } from '@aws-sdk/client-ec2'
import { expect, it } from 'vitest'
import { openAccount } from '../support/account.js'
import { run, start } from '../support/cli.js'
import { inventory, leftovers } from '../support/inventory.js'
import { lab } from '../support/lab.js'
import { describeAws } from '../support/moto.js'

const region = 'us-east-1'

interface Listed {
  snapshots: { name: string; id: string; state: string }[]
}

describeAws('snapshots, killed at each call that changes something', (moto) => {
  it('are all listed by name and removed by name, and nothing is left', { timeout: 600_000 }, async () => {
    const account = await openAccount(moto(), { models: 3 })
    const before = await inventory(account, [region])
    const run0 = async (...args: string[]) => {
      const ended = await run(account, args)
      expect(ended.code, `${args.join(' ')}\n${ended.stderr}`).toBe(0)
      return ended
    }
    /** Kills the command at its nth call of this name. */
    const killed = async (args: string[], action: string, when: 'before' | 'after', nth = 1) => {
      const running = start(account, args)
      const act = () => running.signal('SIGKILL')
      account.gateway.faults.add({ action, nth, effect: { kind: 'run', when, act } })
      expect((await running.ended).code, `${action}, ${when} it`).toBe('SIGKILL')
      account.gateway.faults.clear()
    }
    const { ec2 } = account.at(region)
    const inAws = async () =>
      ((await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }))).Snapshots ?? [])
        .filter(({ Tags = [] }) => Tags.some(({ Key }) => Key === 'librechat-lab:name'))
        .map(({ SnapshotId }) => SnapshotId)
        .sort()
    const listed = async () =>
      (await run0('backup', 'list', '--json')).json<Listed>().snapshots.filter(({ id }) => id !== '')

    await run0('up', '--yes')
    const points = [
      ['CreateSnapshot', 'before', 1],
      ['CreateSnapshot', 'after', 1],
      // The first call looks for names that are taken.
      ['DescribeSnapshots', 'after', 2],
    ] as const
    for (const [action, when, nth] of points) {
      // As far apart as AWS takes snapshots of a volume.
      await sleep(1_000)
      await killed(['backup', '--snapshot'], action, when, nth)
      await sleep(1_000)
      await run0('backup', '--snapshot')
    }
    const made = await listed()
    // Each run's own, and those of the runs that were killed: AWS had their calls.
    expect(made).toHaveLength(6)
    expect(made.map(({ id }) => id).sort()).toEqual(await inAws())

    const names = made.map(({ name }) => name)
    for (const when of ['before', 'after'] as const) {
      const name = names.shift() ?? ''
      await killed(['backup', 'remove', name, '--confirm', 'default'], 'DeleteSnapshot', when)
      const again = await run(account, ['backup', 'remove', name, '--confirm', 'default'])
      // AWS had the call.
      expect(again.stderr).toContain(`has no snapshot "${name}"`)
    }
    // The lab goes first; its snapshots are removed without it.
    const address = (await lab(account)).addresses[0]?.PublicIp ?? ''
    await run0('destroy', '--confirm', 'default', '--no-backup', '--release-address', address)
    for (const name of names) await run0('backup', 'remove', name, '--confirm', 'default')
    expect(await inAws()).toEqual([])
    expect(await leftovers(account, [region])).toEqual([])
    expect(await inventory(account, [region])).toEqual(before)
    await account.close()
  })
})
