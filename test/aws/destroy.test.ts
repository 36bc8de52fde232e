import { expect, it } from 'vitest'
import type { Account } from '../support/account.js'
import { run, start } from '../support/cli.js'
import { inventory, leftovers } from '../support/inventory.js'
import { lab, only } from '../support/lab.js'
import { describeAccount } from '../support/suite.js'
import { changes, requests } from '../support/tally.js'

const regions = ['us-east-1']
const addressOf = async (account: Account) => only((await lab(account)).addresses).PublicIp ?? ''
const confirmed = ['destroy', '--confirm', 'default']

describeAccount('destroy', (account) => {
  it('removes everything except the protected address, and says what that costs', async () => {
    const before = await inventory(account(), regions)
    await run(account(), ['up', '--yes'])
    const address = await addressOf(account())
    account().forget()
    const ended = await run(account(), confirmed)
    expect(ended.code, ended.stderr).toBe(0)
    expect(requests(account().calls).length).toBeLessThanOrEqual(43)
    const kept = await inventory(account(), regions)
    expect(kept['us-east-1 addresses']).toHaveLength(1)
    expect({ ...kept, 'us-east-1 addresses': [] }).toEqual(before)
    expect(ended.stdout).toContain(address)
    expect(ended.stdout).toMatch(/\$ ?\d+\.\d\d/)
    expect(ended.stdout).toContain(`--release-address ${address}`)
  })

  it('goes on saying that the kept address costs, and up takes it back', async () => {
    await run(account(), ['up', '--yes'])
    const address = await addressOf(account())
    await run(account(), confirmed)
    for (const args of [['status'], confirmed]) {
      account().forget()
      const later = await run(account(), args)
      expect(later.code, args[0]).toBe(args[0] === 'status' ? 3 : 0)
      expect(later.stdout, args[0]).toContain(address)
      expect(later.stdout, args[0]).toMatch(/\$ ?\d+\.\d\d/)
      expect(changes(account().calls), args[0]).toEqual([])
    }
    const up = await run(account(), ['up', '--yes'])
    expect(up.code, up.stderr).toBe(0)
    expect(await addressOf(account())).toBe(address)
  })

  it('releases the address when it is named, and then leaves nothing at all', async () => {
    const before = await inventory(account(), regions)
    await run(account(), ['up', '--yes'])
    const address = await addressOf(account())
    const wrong = await run(account(), [...confirmed, '--release-address', '127.0.0.9'])
    expect(wrong.code).not.toBe(0)
    expect(only((await lab(account())).instances).State?.Name).toBe('running')
    const ended = await run(account(), [...confirmed, '--release-address', address])
    expect(ended.code, ended.stderr).toBe(0)
    expect(await inventory(account(), regions)).toEqual(before)
    expect(await leftovers(account(), regions)).toEqual([])
  })

  it('releases later an address that an earlier destroy kept', async () => {
    const before = await inventory(account(), regions)
    await run(account(), ['up', '--yes'])
    const address = await addressOf(account())
    await run(account(), confirmed)
    const ended = await run(account(), [...confirmed, '--release-address', address])
    expect(ended.code, ended.stderr).toBe(0)
    expect(await inventory(account(), regions)).toEqual(before)
  })

  it('says "nothing to destroy" when there is nothing', async () => {
    const ended = await run(account(), confirmed)
    expect(ended.code).toBe(0)
    expect(ended.stdout).toMatch(/nothing to destroy/i)
    const json = await run(account(), [...confirmed, '--json'])
    expect(json.code).toBe(0)
    expect(json.json()).toMatchObject({ removed: [], left: [], keptAddress: null })
    expect(changes(account().calls)).toEqual([])
  })

  it('does not take --yes, an empty answer or another name for the name', async () => {
    await run(account(), ['up', '--yes'])
    for (const args of [
      ['destroy', '--yes'],
      ['destroy'],
      ['destroy', '--confirm', 'other'],
      ['destroy', '--confirm', ''],
    ]) {
      account().forget()
      const ended = await run(account(), args)
      expect(ended.code, args.join(' ')).toBe(1)
      expect(ended.stderr, args.join(' ')).toMatch(/--confirm default|unknown option/i)
      expect(changes(account().calls), args.join(' ')).toEqual([])
    }
  })

  it('shows what will go and what it held, and changes nothing with --dry-run', async () => {
    await run(account(), ['up', '--yes'])
    const found = await lab(account())
    account().forget()
    const { code, stdout, stderr } = await run(account(), ['destroy', '--dry-run'])
    expect(code).toBe(0)
    const said = stdout + stderr
    for (const id of [
      only(found.instances).InstanceId,
      only(found.groups).GroupId,
      only(found.addresses).PublicIp,
      'LibreChatInstanceRole',
      '30 GB',
    ]) {
      expect(said).toContain(id)
    }
    expect(said).toMatch(/conversations|data|chats/i)
    expect(changes(account().calls)).toEqual([])
  })

  it('waits for what AWS does slowly', async () => {
    await run(account(), ['up', '--yes'])
    account().slowness.terminating = 1_500
    const ended = await run(account(), confirmed)
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.took).toBeGreaterThan(1_500)
    expect((await lab(account())).groups).toEqual([])
  })

  it('removes a lab that is half made', async () => {
    const before = await inventory(account(), regions)
    const up = start(account(), ['up', '--yes'])
    account().gateway.faults.add({
      action: 'RunInstances',
      effect: { kind: 'run', when: 'before', act: () => up.signal('SIGKILL') },
    })
    await up.ended
    expect((await lab(account())).groups).toHaveLength(1)
    const released = (await lab(account())).addresses.flatMap(({ PublicIp = '' }) => [
      '--release-address',
      PublicIp,
    ])
    const ended = await run(account(), [...confirmed, ...released])
    expect(ended.code, ended.stderr).toBe(0)
    expect(await inventory(account(), regions)).toEqual(before)
  })

  it('lists exactly what is still there when something will not go', async () => {
    await run(account(), ['up', '--yes'])
    const group = only((await lab(account())).groups).GroupId ?? ''
    account().permissions.deny('ec2:DeleteSecurityGroup')
    const ended = await run(account(), confirmed)
    expect(ended.code).toBe(2)
    expect(ended.stderr).toMatch(/DeleteSecurityGroup/)
    expect(ended.stderr).toMatch(new RegExp(`still exists: [^\\n]*${group}`, 'i'))
    expect(ended.stderr).not.toMatch(/still exists: [^\n]*(LibreChatInstanceRole|i-)/i)
  })
})
