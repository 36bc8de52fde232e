import { PutParameterCommand } from '@aws-sdk/client-ssm'
import { expect, it } from 'vitest'
import { run } from '../support/cli.js'
import { inbound, lab, only } from '../support/lab.js'
import { describeAccount, describeSharedAccount } from '../support/suite.js'
import { changes } from '../support/tally.js'

const refused: [string, string[], RegExp][] = [
  ['a private range', ['--allow-cidr', '10.0.0.0/24'], /10\.0\.0\.0/],
  ['a range of documentation', ['--allow-cidr', '203.0.113.7'], /203\.0\.113/],
  ['a malformed range', ['--allow-cidr', '1.2.3.4/33'], /1\.2\.3\.4\/33/],
  ['bits that the length cuts off', ['--allow-cidr', '81.2.69.160/24'], /81\.2\.69\.0\/24/],
  ['IPv6', ['--allow-cidr', '::/0'], /IPv6/],
  ['everybody', ['--allow-cidr', '0.0.0.0/0'], /--allow-everyone/],
  ['everybody in two halves', ['--allow-cidr', '1.0.0.0/8', '--allow-cidr', '128.0.0.0/1'], /./],
  ['too small a machine', ['--instance-type', 't3.small'], /t3\.medium/],
  ['a type that does not exist', ['--instance-type', 't9.giant'], /t9\.giant/],
  ['too small a disk', ['--disk', '19'], /20/],
  ['a disk that is no number', ['--disk', '30; rm -rf /'], /--disk|disk/],
  ['a name that AWS refuses', ['--name', 'Team A'], /Team A/],
  ['a name with a shell’s tongue', ['--name', '$(reboot)'], /\$\(reboot\)/],
  ['a name of 10,000 characters', ['--name', 'a'.repeat(10_000)], /name/],
  ['a region that is none', ['--region', 'us-east-1; true'], /region/i],
  ['an e-mail address that is none', ['--email', 'me'], /e-?mail/i],
  ['a subnet that is none', ['--subnet-id', 'subnet-zz'], /subnet/],
  ['a domain without port 80', ['--domain', 'chat.example.org'], /--open-port-80/],
  ['an unknown option', ['--disc', '30'], /did you mean|--disk/i],
]

describeSharedAccount('what up does not take', (account) => {
  it.each(refused)('%s', async (_what, args, says) => {
    const ended = await run(account(), ['up', '--yes', ...args])
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(says)
    expect(ended.stderr).not.toMatch(/\n\s+at /)
    expect(ended.stderr.length).toBeLessThan(4_000)
    expect(changes(account().calls)).toEqual([])
  })
})

describeAccount('what up takes from outside', (account) => {
  it('everybody, when it is said twice', async () => {
    const ended = await run(account(), ['up', '--yes', '--allow-cidr', '0.0.0.0/0', '--allow-everyone'])
    expect(ended.code, ended.stderr).toBe(0)
    expect(inbound(only((await lab(account())).groups))).toContain('tcp 443 0.0.0.0/0')
  })

  it('asks the second source when the first does not know the public address', async () => {
    account().gateway.publicIp = () => ({ status: 503, body: 'busy' })
    const failed = await run(account(), ['up', '--yes'])
    expect(failed.code).toBe(1)
    expect(failed.stderr).toMatch(/--allow-cidr/)
    let asked = 0
    account().gateway.publicIp = () => {
      asked += 1
      return asked === 1
        ? { status: 200, body: '<html>hello</html>' }
        : { status: 200, body: '81.2.69.162\n' }
    }
    const source = `${account().endpoint}/checkip`
    const env = { LIBRECHAT_LAB_CHECKIP_URL: `${source},${source}` }
    const ended = await run(account(), ['up', '--yes'], { env })
    expect(ended.code, ended.stderr).toBe(0)
    expect(inbound(only((await lab(account())).groups))).toContain('tcp 443 81.2.69.162/32')
  })

  it('does not take a private address from the look-up', async () => {
    account().gateway.publicIp = '192.168.1.7'
    const ended = await run(account(), ['up', '--yes'])
    expect(ended.code).toBe(1)
    expect(changes(account().calls)).toEqual([])
  })

  it('names the missing flag without a terminal', async () => {
    const ended = await run(account(), ['up'])
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/--yes/)
    expect(changes(account().calls)).toEqual([])
  })

  it('needs no other flag with --yes but a region from somewhere', async () => {
    const ended = await run(account(), ['up', '--yes'], { env: { AWS_REGION: undefined } })
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/--region/)
  })

  it('does not trust the stored settings: what this version would not write is refused', async () => {
    await run(account(), ['up', '--yes'])
    const Name = '/librechat-lab/default/spec'
    const { spec } = await lab(account())
    for (const poison of [
      'no JSON',
      JSON.stringify({ ...spec, allow: { from: 'given', cidrs: ['0.0.0.0/0'], everyone: false } }),
      JSON.stringify({ ...spec, instanceType: '$(reboot)' }),
      JSON.stringify({ ...spec, domain: 'evil.example"\n}' }),
    ]) {
      const put = { Name, Value: poison, Type: 'String' as const, Overwrite: true }
      await account().at('us-east-1').ssm.send(new PutParameterCommand(put))
      account().forget()
      const ended = await run(account(), ['up', '--yes'])
      expect(ended.code, poison).toBe(1)
      expect(ended.stderr, poison).toContain(Name)
      expect(changes(account().calls), poison).toEqual([])
    }
  })
})
