import {
  DescribeInstancesCommand,
  ModifyInstanceAttributeCommand,
  ModifyVolumeCommand,
} from '@aws-sdk/client-ec2'
import type { Witness } from '../clients.js'
import type { Call } from './call.js'
import { list } from './call.js'
import type { Supplement } from './gateway.js'
import { type Answer, ec2Answer, errorAnswer } from './wire.js'

export interface Instances extends Supplement {
  /** Has an instance answer with this token, as if it had been launched with it; undefined: with none. */
  setToken(instanceId: string, token: string | undefined): void
}

/**
 * What moto gets wrong about instances: the same ClientToken must not make a second one, termination protection
 * asked for at launch must hold, an instance is in the groups of its interface, a volume has the IOPS and throughput
 * it was launched with, and a group in use cannot be deleted.
 */
export function instances(witness: (region: string) => Witness): Instances {
  /** By region and token: what was asked for, and the call that is making or has made it. */
  const launches = new Map<
    string,
    { asked: string; launched: Promise<string>; settle: (id: string) => void }
  >()
  /** Instance by instance: DescribeInstances returns the token of its launch, and moto forgets it. */
  const tokens = new Map<string, string>()
  const key = (call: Call) => `${call.region} ${call.params.ClientToken}`

  return {
    setToken: (id, token) => void (token ? tokens.set(id, token) : tokens.delete(id)),
    async before(call) {
      if (call.service !== 'ec2') return undefined
      if (call.action === 'RunInstances' && call.params.ClientToken) {
        const earlier = launches.get(key(call))
        const asked = JSON.stringify(Object.entries(call.params).sort())
        if (!earlier) {
          let settle: (id: string) => void = () => {}
          const launched = new Promise<string>((resolve) => {
            settle = resolve
          })
          launches.set(key(call), { asked, launched, settle })
          return undefined
        }
        if (earlier.asked !== asked) return mismatch(call)
        return launchedBefore(witness(call.region), call, await earlier.launched)
      }
      if (call.action === 'DeleteSecurityGroup') return refuseWhileUsed(witness(call.region), call)
      return undefined
    },
    async after(call, answer) {
      if (call.action === 'DescribeInstances') return withTokens(answer, tokens)
      if (call.action !== 'RunInstances') return undefined
      const id = /<instanceId>([^<]+)</.exec(answer.body)?.[1]
      if (!id) {
        launches.delete(key(call)) // a launch that was refused leaves no token behind
        return undefined
      }
      await asLaunched(witness(call.region), call, id)
      launches.get(key(call))?.settle(id)
      if (call.params.ClientToken) tokens.set(id, String(call.params.ClientToken))
      return undefined
    },
  }
}

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html: clientToken */
const withTokens = (answer: Answer, tokens: ReadonlyMap<string, string>): Answer => ({
  ...answer,
  body: answer.body
    .replace(/<clientToken>[^<]*<\/clientToken>/g, '')
    .replace(/<instanceId>([^<]+)<\/instanceId>(?=\s*<imageId>)/g, (found, id) => {
      const token = tokens.get(id)
      return token ? `${found}<clientToken>${token}</clientToken>` : found
    }),
})

function mismatch(call: Call): Answer {
  const why =
    'Arguments on this idempotent request are inconsistent with arguments used in previous request(s).'
  return errorAnswer(call, 'IdempotentParameterMismatch', why)
}

/** The reservation as it is today, in the form of RunInstances' answer. */
async function launchedBefore({ ec2 }: Witness, call: Call, id: string): Promise<Answer> {
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }))
  const instance = Reservations?.[0]?.Instances?.[0]
  if (instance?.State?.Name === 'terminated') {
    const why =
      'The client token you have provided is associated with a terminated instance. Please use a different client token.'
    return errorAnswer(call, 'IdempotentInstanceTerminated', why)
  }
  const state = `<instanceState><code>${instance?.State?.Code}</code><name>${instance?.State?.Name}</name></instanceState>`
  const item = `<item><instanceId>${id}</instanceId>${state}<instanceType>${instance?.InstanceType}</instanceType></item>`
  return ec2Answer(call, `<instancesSet>${item}</instancesSet>`)
}

async function asLaunched({ ec2 }: Witness, call: Call, id: string): Promise<void> {
  if (call.params.DisableApiTermination === 'true') {
    await ec2.send(
      new ModifyInstanceAttributeCommand({ InstanceId: id, DisableApiTermination: { Value: true } }),
    )
  }
  const Groups = list(call.params, 'NetworkInterface.1.SecurityGroupId')
  if (Groups.length) await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId: id, Groups }))
  const iops = Number(call.params['BlockDeviceMapping.1.Ebs.Iops'] ?? 3000)
  const throughput = Number(call.params['BlockDeviceMapping.1.Ebs.Throughput'] ?? 125)
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }))
  const [root] = Reservations?.[0]?.Instances?.[0]?.BlockDeviceMappings ?? []
  const VolumeId = root?.Ebs?.VolumeId
  if (VolumeId && call.params['BlockDeviceMapping.1.Ebs.VolumeType'] === 'gp3') {
    await ec2.send(new ModifyVolumeCommand({ VolumeId, Iops: iops, Throughput: throughput }))
  }
}

async function refuseWhileUsed({ ec2 }: Witness, call: Call): Promise<Answer | undefined> {
  const group = String(call.params.GroupId ?? list(call.params, 'GroupId')[0])
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({}))
  const users = (Reservations ?? [])
    .flatMap(({ Instances }) => Instances ?? [])
    .filter(({ State }) => State?.Name !== 'terminated')
    .filter(({ SecurityGroups }) => SecurityGroups?.some(({ GroupId }) => GroupId === group))
  if (users.length === 0) return undefined
  return errorAnswer(call, 'DependencyViolation', `resource ${group} has a dependent object`)
}
