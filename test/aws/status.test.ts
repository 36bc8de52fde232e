import { ModifyInstanceAttributeCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2'
import { expect, it } from 'vitest'
import { run } from '../support/cli.js'
import { lab, only } from '../support/lab.js'
import { describeAccount } from '../support/suite.js'
import { changes } from '../support/tally.js'

const services = ['librechat', 'mongodb', 'meilisearch', 'proxy', 'portainer']

describeAccount('status', (account) => {
  it('exits with 3 if there is no such lab, and says how to create one', async () => {
    const ended = await run(account(), ['status', '--name', 'nowhere'])
    expect(ended.code).toBe(3)
    expect(ended.stdout + ended.stderr).toMatch(/nowhere/)
    expect(ended.stdout + ended.stderr).toMatch(/librechat-lab up/)
  })

  it('exits 0 for a healthy lab, and shows resources, services, URLs and cost', async () => {
    await run(account(), ['up', '--yes'])
    account().forget()
    const { code, stdout } = await run(account(), ['status'])
    expect(code, stdout).toBe(0)
    const found = await lab(account())
    const address = only(found.addresses).PublicIp
    for (const shown of [
      only(found.instances).InstanceId,
      only(found.groups).GroupId,
      'LibreChatInstanceRole',
      `https://${address}`,
      `https://${address}:9443`,
      ...services,
    ]) {
      expect(stdout).toContain(shown)
    }
    expect(stdout).toMatch(/\$ ?\d+\.\d\d/)
    expect(stdout).toMatch(/443[^\n]*(does not|no answer|not answer|doesn)/)
    expect(changes(account().calls)).toEqual([])
  })

  it('exits 2 and names the service that is not well, whichever it is', async () => {
    await run(account(), ['up', '--yes'])
    const host = account().hosts.of(only((await lab(account())).instances).InstanceId ?? '')
    for (const service of services) {
      host.services[service] = 'unhealthy'
      const { code, stdout } = await run(account(), ['status'])
      expect(code, service).toBe(2)
      expect(stdout).toMatch(new RegExp(`${service}[^\\n]*unhealthy`))
      host.services[service] = 'healthy'
    }
  })

  it('says so when the host runs something else than this version would put there, and up repairs it', async () => {
    await run(account(), ['up', '--yes'])
    account()
      .hosts.of(only((await lab(account())).instances).InstanceId ?? '')
      .input.set('release', '0123456789abcdef')
    const other = await run(account(), ['status'])
    expect(await run(account(), ['up', '--yes'])).toMatchObject({ code: 0 })
    const current = await run(account(), ['status'])
    expect(current.code).toBe(0)
    expect(other.stdout).toMatch(/out of date/)
    expect(other.stdout.split('\n').length).not.toBe(current.stdout.split('\n').length)
  })

  it('exits 2 when the instance is gone, and the next up makes another', async () => {
    await run(account(), ['up', '--yes'])
    const InstanceId = only((await lab(account())).instances).InstanceId ?? ''
    const { ec2 } = account().at('us-east-1')
    await ec2.send(
      new ModifyInstanceAttributeCommand({ InstanceId, DisableApiTermination: { Value: false } }),
    )
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [InstanceId] }))
    const status = await run(account(), ['status'])
    expect(status.code).toBe(2)
    const up = await run(account(), ['up', '--yes'])
    expect(up.code, up.stderr).toBe(0)
    const found = await lab(account())
    expect(only(found.instances).InstanceId).not.toBe(InstanceId)
    expect(only(found.addresses).InstanceId).toBe(only(found.instances).InstanceId)
  })

  it('proves chat again when asked to, and says which model does not answer', async () => {
    await run(account(), ['up', '--yes'])
    const { id = '', label = '' } = (await lab(account())).spec?.models[0] ?? {}
    const good = await run(account(), ['status', '--chat'])
    expect(good.code, good.stdout).toBe(0)
    expect(good.stdout).toMatch(/412|0\.4 ?s/)
    account().hosts.mood.silent = { [id]: 'AccessDeniedException: not authorized' }
    const bad = await run(account(), ['status', '--chat'])
    expect(bad.code).toBe(2)
    expect(bad.stdout).toMatch(new RegExp(`✖ ${label}`))
  })

  it('gives the same as JSON', async () => {
    await run(account(), ['up', '--yes'])
    const ended = await run(account(), ['status', '--json'])
    expect(ended.code).toBe(0)
    expect(ended.json()).toMatchObject({ lab: 'default', region: 'us-east-1' })
    const none = await run(account(), ['status', '--json', '--name', 'nowhere'])
    expect(none.code).toBe(3)
    none.json()
  })
})
