import {
  DescribeInstancesCommand,
  DescribeInstanceTypesCommand,
  DescribeVolumesCommand,
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
  /** Has an instance answer as if it had last been started then, in milliseconds since the epoch. */
  restartedAt(instanceId: string, at: number | undefined): void
  /** Sets what a shutdown from inside does to an instance, as somebody might by hand. */
  setShutdown(instanceId: string, behavior: 'stop' | 'terminate'): void
  shutdown(instanceId: string): string | undefined
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
  const starts = new Map<string, number>()
  /** moto takes a change of this attribute for one of the groups. */
  const shutdowns = new Map<string, string>()
  const key = (call: Call) => `${call.region} ${call.params.ClientToken}`

  return {
    setToken: (id, token) => void (token ? tokens.set(id, token) : tokens.delete(id)),
    setShutdown: (id, behavior) => void shutdowns.set(id, behavior),
    shutdown: (id) => shutdowns.get(id),
    restartedAt: (id, at) => void (at === undefined ? starts.delete(id) : starts.set(id, at)),
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
      const shutdown = shutdownAnswer(call, shutdowns)
      if (shutdown) return shutdown
      if (call.action === 'ModifyInstanceAttribute' && call.params['InstanceType.Value'])
        return refuseOtherArchitecture(witness(call.region), call)
      if (call.action === 'ModifyVolume' && call.params.Size)
        return refuseShrinking(witness(call.region), call)
      if (call.action === 'DeleteSecurityGroup') return refuseWhileUsed(witness(call.region), call)
      return undefined
    },
    async after(call, answer) {
      if (call.action === 'DescribeInstances') return withStarts(withTokens(answer, tokens), starts)
      if (call.action !== 'RunInstances') return undefined
      const id = /<instanceId>([^<]+)</.exec(answer.body)?.[1]
      if (!id) {
        launches.delete(key(call)) // a launch that was refused leaves no token behind
        return undefined
      }
      await asLaunched(witness(call.region), call, id)
      // The default: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
      shutdowns.set(id, String(call.params.InstanceInitiatedShutdownBehavior ?? 'stop'))
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

/** moto keeps the time of the launch; AWS gives that of the last start. */
const withStarts = (answer: Answer, starts: ReadonlyMap<string, number>): Answer => ({
  ...answer,
  body: answer.body.replace(
    /(<instanceId>([^<]+)<\/instanceId>(?=\s*<clientToken>|\s*<imageId>)[\s\S]*?<launchTime>)[^<]*/g,
    (found, head, id) => {
      const at = starts.get(id)
      return at === undefined ? found : `${head}${new Date(at).toISOString()}`
    },
  ),
})

function shutdownAnswer(call: Call, shutdowns: Map<string, string>): Answer | undefined {
  const id = String(call.params.InstanceId)
  const wanted = call.params['InstanceInitiatedShutdownBehavior.Value']
  if (call.action === 'ModifyInstanceAttribute' && wanted) {
    shutdowns.set(id, String(wanted))
    return ec2Answer(call, '<return>true</return>')
  }
  const asks = call.params.Attribute === 'instanceInitiatedShutdownBehavior'
  if (call.action !== 'DescribeInstanceAttribute' || !asks) return undefined
  const value = `<value>${shutdowns.get(id) ?? 'stop'}</value>`
  return ec2Answer(
    call,
    `<instanceId>${id}</instanceId><instanceInitiatedShutdownBehavior>${value}</instanceInitiatedShutdownBehavior>`,
  )
}

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

/**
 * AWS changes the type of a stopped instance only, and keeps its architecture. The code:
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html, the words as EC2 says them.
 */
async function refuseOtherArchitecture({ ec2 }: Witness, call: Call): Promise<Answer | undefined> {
  const InstanceId = String(call.params.InstanceId)
  const type = String(call.params['InstanceType.Value'])
  const [{ Reservations }, { InstanceTypes }] = await Promise.all([
    ec2.send(new DescribeInstancesCommand({ InstanceIds: [InstanceId] })),
    ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes: [type as never] })),
  ])
  const architecture = Reservations?.[0]?.Instances?.[0]?.Architecture
  const supported: readonly string[] = InstanceTypes?.[0]?.ProcessorInfo?.SupportedArchitectures ?? []
  if (!architecture || supported.includes(architecture)) {
    if (Reservations?.[0]?.Instances?.[0]?.State?.Name === 'stopped') return undefined
    // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/change-instance-type-of-ebs-backed-instance.html
    const state = `The instance '${InstanceId}' is not in the 'stopped' state.`
    return errorAnswer(call, 'IncorrectInstanceState', state)
  }
  const why = `'${type}' is not a valid instance type for instance '${InstanceId}' of architecture '${architecture}'.`
  return errorAnswer(call, 'InvalidInstanceAttributeValue', why)
}

/** https://docs.aws.amazon.com/ebs/latest/userguide/modify-volume-requirements.html, the words as EC2 says them. */
async function refuseShrinking({ ec2 }: Witness, call: Call): Promise<Answer | undefined> {
  const { Volumes } = await ec2.send(
    new DescribeVolumesCommand({ VolumeIds: [String(call.params.VolumeId)] }),
  )
  if (Number(call.params.Size) >= (Volumes?.[0]?.Size ?? 0)) return undefined
  return errorAnswer(call, 'InvalidParameterValue', 'New size cannot be smaller than existing size')
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
