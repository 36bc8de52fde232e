import {
  AllocateAddressCommand,
  DescribeAddressesCommand,
  EC2Client,
  ReleaseAddressCommand,
} from '@aws-sdk/client-ec2'
import { expect, it } from 'vitest'
import { operator } from '../support/account.js'
import { run } from '../support/cli.js'
import { lab, only } from '../support/lab.js'
import { describeAccount } from '../support/suite.js'
import { changes } from '../support/tally.js'

describeAccount('the protected address', (account) => {
  const through = () =>
    new EC2Client({
      endpoint: account().endpoint,
      credentials: account().credentials,
      region: 'us-east-1',
      maxAttempts: 1,
    })
  const address = async () => only((await lab(account())).addresses)

  it('has any pending transfer cancelled by up, and verified gone', async () => {
    await run(account(), ['up', '--yes'])
    const { AllocationId = '' } = await address()
    account().addresses.offer(AllocationId, '210987654321')
    account().forget()
    const ended = await run(account(), ['up', '--yes'])
    expect(ended.code, ended.stderr).toBe(0)
    expect(account().addresses.offered(AllocationId)).toBeUndefined()
    const actions = account().calls.map(({ action }) => action)
    expect(actions.lastIndexOf('DescribeAddressTransfers')).toBeGreaterThan(
      actions.indexOf('DisableAddressTransfer'),
    )
  })

  it('says plainly that no policy prevents releasing a release, and proves it by a dry run', async () => {
    const up = await run(account(), ['up', '--yes'])
    expect(up.stdout).toMatch(/no policy prevents releasing/i)
    account().forget()
    const status = await run(account(), ['status'])
    expect(status.stdout).toMatch(/no policy prevents releasing/i)
    const dry = account().calls.filter(
      ({ action, params }) => action === 'ReleaseAddress' && params.DryRun === 'true',
    )
    expect(dry.length).toBeGreaterThan(0)
    expect(changes(account().calls)).toEqual([])
  })

  it('shows each layer by its name', async () => {
    await run(account(), ['up', '--yes'])
    const { stdout } = await run(account(), ['status'])
    for (const layer of [/transfer/i, /tag/i, /polic/i, /reverse DNS/i]) expect(stdout).toMatch(layer)
  })

  it('prints the denying policy, which refuses a release and cannot be shaken off by changing the tag', async () => {
    await run(account(), ['up', '--yes'])
    const { code, stdout } = await run(account(), ['address', 'policy'])
    expect(code).toBe(0)
    const policy = JSON.parse(stdout.slice(stdout.indexOf('{'), stdout.lastIndexOf('}') + 1))
    const text = JSON.stringify(policy)
    for (const action of [
      'ec2:ReleaseAddress',
      'ec2:EnableAddressTransfer',
      'ec2:DeleteTags',
      'ec2:CreateTags',
    ]) {
      expect(text).toContain(action)
    }
    expect(text).toContain('librechat-lab:protected')
  })

  it('is refused by AWS once the policy is attached, and status proves it', async () => {
    await run(account(), ['up', '--yes'])
    const { AllocationId } = await address()
    const attached = await run(account(), ['address', 'policy', '--attach-to-user', operator])
    expect(attached.code, attached.stderr).toBe(0)
    await expect(through().send(new ReleaseAddressCommand({ AllocationId }))).rejects.toMatchObject({
      name: 'UnauthorizedOperation',
    })
    const status = await run(account(), ['status'])
    expect(status.code).toBe(0)
    expect(status.stdout).not.toMatch(/no policy prevents releasing/i)
    expect(status.stdout).toMatch(/polic[^\n]*(refuse|denie)/i)
    // Another address is none of the policy's business.
    const other = await through().send(new AllocateAddressCommand({ Domain: 'vpc' }))
    await through().send(new ReleaseAddressCommand({ AllocationId: other.AllocationId }))
    const { Addresses } = await account().at('us-east-1').ec2.send(new DescribeAddressesCommand({}))
    expect(Addresses).toHaveLength(1)
  })

  it('is locked by reverse DNS, and status says so', async () => {
    await run(account(), ['up', '--yes'])
    account().addresses.setReverseDns((await address()).AllocationId ?? '', 'chat.example.org')
    const status = await run(account(), ['status'])
    expect(status.stdout).toMatch(/reverse DNS/i)
    expect(status.stdout).not.toMatch(/no policy prevents releasing/i)
  })

  it('that another tool released is replaced by a new one, and the plan says so', async () => {
    await run(account(), ['up', '--yes'])
    const before = await address()
    await account()
      .at('us-east-1')
      .ec2.send(new ReleaseAddressCommand({ AllocationId: before.AllocationId }))
    const plan = await run(account(), ['up', '--dry-run'])
    expect(plan.stdout + plan.stderr).toMatch(/Elastic IP/)
    const ended = await run(account(), ['up', '--yes'])
    expect(ended.code, ended.stderr).toBe(0)
    expect((await address()).PublicIp).not.toBe(before.PublicIp)
    expect((await address()).InstanceId).toBe(only((await lab(account())).instances).InstanceId)
  })
})
