import { gunzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { operator } from '../support/account.js'
import { run, start } from '../support/cli.js'
import type { Call } from '../support/gateway/call.js'
import { inventory } from '../support/inventory.js'
import { inbound, lab, only, tagsOf } from '../support/lab.js'
import { describeAccount, describeLab } from '../support/suite.js'
import { changes, requests } from '../support/tally.js'

describeLab('up on an empty account', (made) => {
  it('makes exactly the lab, with exactly its properties', async () => {
    expect(made().up).toMatchObject({ code: 0 })
    const found = await lab(made().account)
    const ours = { 'librechat-lab:name': 'default', 'librechat-lab:region': 'us-east-1' }

    expect(JSON.parse(decodeURIComponent(found.role?.AssumeRolePolicyDocument ?? '')).Statement).toEqual([
      { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
    ])
    expect(tagsOf(found.role?.Tags)).toMatchObject(ours)
    expect(found.role?.attached).toEqual(['arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore'])
    const statements = Object.values(found.role?.inline ?? {}).flatMap(
      (document) => (document as { Statement: unknown[] }).Statement,
    )
    expect(statements).toContainEqual(
      expect.objectContaining({
        Effect: 'Allow',
        Action: ['bedrock:InvokeModel', 'bedrock:InvokeModelWithResponseStream'],
        Resource: 'arn:aws:bedrock:*::foundation-model/*',
      }),
    )
    expect(statements).toContainEqual({
      Sid: 'NoParameters',
      Effect: 'Deny',
      Action: 'ssm:GetParameter*',
      Resource: '*',
    })
    const allowed = statements.filter((one) => (one as { Effect: string }).Effect === 'Allow')
    expect(JSON.stringify(allowed)).not.toMatch(/marketplace|"\*"/i)
    expect(found.profile?.Roles?.map(({ RoleName }) => RoleName)).toEqual(['LibreChatInstanceRole'])
    expect(tagsOf(found.profile?.Tags)).toMatchObject(ours)

    const group = only(found.groups)
    expect(inbound(group)).toEqual(['443', '80', '9443'].map((port) => `tcp ${port} 81.2.69.160/32`))
    const rules = group.IpPermissions?.flatMap(({ IpRanges = [] }) => IpRanges)
    expect(rules?.every(({ Description }) => Description)).toBe(true)
    expect(group.IpPermissionsEgress).toMatchObject([
      { IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] },
    ])
    expect(tagsOf(group.Tags)).toMatchObject(ours)

    const instance = only(found.instances)
    expect(instance).toMatchObject({
      InstanceType: 't3.medium',
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2, HttpEndpoint: 'enabled' },
      SecurityGroups: [{ GroupId: group.GroupId }],
      protectedFromTermination: true,
      profileArn: found.profile?.Arn,
      State: { Name: 'running' },
    })
    expect(instance.KeyName).toBeUndefined()
    expect(tagsOf(instance.Tags)).toMatchObject(ours)

    const volume = only(found.volumes)
    expect(volume).toMatchObject({
      VolumeType: 'gp3',
      Size: 30,
      Encrypted: true,
      Iops: 3000,
      Throughput: 125,
    })
    expect(tagsOf(volume.Tags)).toMatchObject(ours)
    expect(only(instance.BlockDeviceMappings)).toMatchObject({ Ebs: { DeleteOnTermination: true } })

    const address = only(found.addresses)
    expect(address.InstanceId).toBe(instance.InstanceId)
    expect(tagsOf(address.Tags)).toMatchObject({ ...ours, 'librechat-lab:protected': 'true' })

    expect(found.spec).toMatchObject({ instanceType: 't3.medium', diskGb: 30 })
    expect(found.specTags).toMatchObject(ours)
    expect(found.lock).toBeUndefined()
  })

  it('asks for what AWS does not show afterwards: the newest image, a token, tags in the creating calls', async () => {
    const launch = only(made().account.calls.filter(({ action }) => action === 'RunInstances')).params
    const parameter = '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64'
    const names = made()
      .account.calls.filter(({ service }) => service === 'ssm')
      .map(({ params }) => JSON.stringify(params))
    expect(names.some((params) => params.includes(parameter))).toBe(true)
    expect(String(launch.ClientToken)).toMatch(/^[\x21-\x7e]{8,64}$/)
    expect(launch['BlockDeviceMapping.1.Ebs.KmsKeyId']).toBeUndefined()
    expect(launch['BlockDeviceMapping.1.DeviceName']).toBe('/dev/xvda')
    expect(launch.DisableApiTermination).toBe('true')
    for (const action of ['RunInstances', 'AllocateAddress', 'CreateSecurityGroup']) {
      const call = only(made().account.calls.filter((one) => one.action === action))
      expect(Object.values(call.params), action).toContain('librechat-lab:name')
    }
    for (const action of ['CreateRole', 'CreateInstanceProfile']) {
      const call = only(made().account.calls.filter((one) => one.action === action))
      expect(Object.values(call.params), action).toContain('librechat-lab:name')
    }
  })

  it('says what was made and what to do next', async () => {
    const { stdout, stderr } = made().up
    const { addresses, instances } = await lab(made().account)
    const said = stdout + stderr
    expect(said).toContain(made().account.id)
    expect(said).toContain('us-east-1')
    expect(said).toContain(operator)
    expect(stdout).toContain(`https://${only(addresses).PublicIp}`)
    expect(stdout).toContain(`https://${only(addresses).PublicIp}:9443`)
    expect(stdout).toMatch(
      new RegExp(
        `console\\.aws\\.amazon\\.com/systems-manager/session-manager/${only(instances).InstanceId}`,
      ),
    )
    expect(stdout).toMatch(/librechat-lab tunnel/)
    expect(stdout).toMatch(/librechat-lab destroy/)
    expect(stdout).toMatch(/no policy prevents releasing/i)
  })

  it('warns when 443 does not answer from here although the host is healthy', async () => {
    const { code, stdout, stderr } = made().up
    expect(code).toBe(0)
    expect(stdout + stderr).toMatch(/443[\s\S]*(not answer|does not|doesn’t|no answer)/i)
  })

  it('is done in at most 41 requests, again in at most 17, and status in at most 17, changing nothing', async () => {
    const first = requests(made().account.calls)
    made().account.forget()
    const { code, stdout, stderr } = await run(made().account, ['up', '--yes'])
    const second = requests(made().account.calls)
    expect(code).toBe(0)
    expect(stdout + stderr).toMatch(/no changes/i)
    expect(changes(made().account.calls)).toEqual([])
    made().account.forget()
    await run(made().account, ['status'])
    const status = requests(made().account.calls)
    expect(changes(made().account.calls)).toEqual([])
    const counts = [first, second, status].map(({ length }) => length)
    process.stdout.write(`measured: up, up again and status make ${counts.join(', ')} requests\n`)
    for (const [n, most] of [41, 17, 17].entries()) expect(counts[n]).toBeLessThanOrEqual(most)
  })

  it('starts to speak before its first call', async () => {
    made().account.forget()
    const running = start(made().account, ['up', '--dry-run'])
    let said = ''
    running.child.stderr?.on('data', (text) => {
      if (made().account.calls.length === 0) said += text
    })
    await running.ended
    expect(said).not.toBe('')
  })
})

describeAccount(
  'up with options',
  (account) => {
    it('leaves everything else in the account alone', async () => {
      const before = await inventory(account(), ['us-east-1', 'eu-central-1'])
      await run(account(), ['up', '--yes'])
      const after = await inventory(account(), ['us-east-1', 'eu-central-1'])
      const added = Object.entries(after).flatMap(([kind, lines]) => {
        const was = new Set(before[kind])
        return lines.filter((line) => !was.has(line)).map(() => kind)
      })
      for (const [kind, lines] of Object.entries(before))
        expect(after[kind]).toEqual(expect.arrayContaining(lines))
      expect(added.sort()).toEqual(
        [
          'profiles',
          'roles',
          'us-east-1 addresses',
          'us-east-1 associations',
          'us-east-1 groups',
          'us-east-1 instances',
          'us-east-1 interfaces',
          'us-east-1 parameters',
          'us-east-1 volumes',
        ].sort(),
      )
    })

    it('shows the plan with the cost by line with --dry-run, and makes no changing call', async () => {
      const before = await inventory(account(), ['us-east-1'])
      const { stdout, code } = await run(account(), ['up', '--dry-run', '--yes'])
      expect(code).toBe(0)
      for (const word of ['LibreChatInstanceRole', 'LibreChatSecurityGroup', 'Elastic IP', '30 GB']) {
        expect(stdout).toContain(word)
      }
      expect(stdout).toMatch(/create/i)
      expect(stdout).toMatch(/t3\.medium.*\$?\d+\.\d\d/)
      expect(stdout).toMatch(/gp3.*\d+\.\d\d/i)
      expect(stdout).toMatch(/IPv4.*\d+\.\d\d/i)
      expect(stdout).toMatch(/price/i)
      expect(account().calls.length).toBeGreaterThan(5)
      expect(account().calls.filter(({ changing }) => changing)).toEqual([])
      expect(await inventory(account(), ['us-east-1'])).toEqual(before)
    })

    it('does at once what is independent', async () => {
      const underWay = new Set<string>()
      let together = false
      const act = async ({ action }: Call) => {
        underWay.add(action)
        together ||= underWay.size === 3
        // None is answered before all of them are here; where they come one by one, the first is in the end.
        for (const end = Date.now() + 10_000; !together && Date.now() < end; await systemClock.sleep(20));
        underWay.delete(action)
      }
      for (const action of ['CreateRole', 'CreateSecurityGroup', 'AllocateAddress']) {
        account().gateway.faults.add({ action, effect: { kind: 'run', when: 'before', act } })
      }
      expect(await run(account(), ['up', '--yes'])).toMatchObject({ code: 0 })
      expect(together).toBe(true)
    })

    it('makes what it is told, and keeps every choice for later runs', async () => {
      const boundary = 'arn:aws:iam::aws:policy/PowerUserAccess'
      const choices = ['--instance-type', 't4g.medium', '--disk', '40', '--allow-cidr', '81.2.69.0/24']
      await run(account(), ['up', '--yes', ...choices, '--permissions-boundary', boundary])
      const launch = only(account().calls.filter(({ action }) => action === 'RunInstances')).params
      const script = gunzipSync(Buffer.from(String(launch.UserData), 'base64')).toString()
      expect(script).toMatch(/^#!/)
      expect(script).toMatch(/docker/)
      expect(Buffer.from(String(launch.UserData), 'base64').length).toBeLessThan(16_384)

      account().forget()
      const { code, stdout, stderr } = await run(account(), ['up', '--yes'])
      expect(code).toBe(0)
      expect(stdout + stderr).toMatch(/no changes/i)
      expect(changes(account().calls)).toEqual([])
      const found = await lab(account())
      expect(only(found.instances)).toMatchObject({ InstanceType: 't4g.medium', Architecture: 'arm64' })
      expect(only(found.volumes).Size).toBe(40)
      expect(inbound(only(found.groups))).toContain('tcp 443 81.2.69.0/24')
      expect(found.role?.PermissionsBoundary?.PermissionsBoundaryArn).toBe(boundary)
    })

    it('answers --json with one object on stdout, and progress on stderr', async () => {
      const ended = await run(account(), ['up', '--yes', '--json'])
      const found = await lab(account())
      expect(ended.json()).toMatchObject({ lab: 'default', region: 'us-east-1' })
      expect(ended.stdout).toContain(String(only(found.addresses).PublicIp))
      expect(ended.stderr).not.toBe('')
    })
  },
  { regions: ['us-east-1', 'eu-central-1'] },
)
