import type { Answers } from '../answers.js'
import { Refusal } from '../refusal.js'
import { instanceOf } from './launch.js'
import { architectureOf } from './types.js'

/** Reads and changes an instance's attributes, one at a time. */
export const instanceAttributes = {
  DescribeInstanceAttribute(input, world) {
    const instance = instanceOf(world, input.InstanceId)
    const InstanceId = input.InstanceId
    switch (input.Attribute) {
      case 'disableApiTermination':
        return { InstanceId, DisableApiTermination: { Value: instance.terminationProtected } }
      case 'disableApiStop':
        return { InstanceId, DisableApiStop: { Value: instance.stopProtected } }
      case 'instanceInitiatedShutdownBehavior':
        return {
          InstanceId,
          InstanceInitiatedShutdownBehavior: { Value: instance.shutdownBehavior ?? 'stop' },
        }
      case 'userData':
        return { InstanceId, UserData: { Value: instance.userData } }
      case 'instanceType':
        return { InstanceId, InstanceType: { Value: instance.type } }
      default:
        throw new Refusal(
          'InvalidParameterValue',
          `Value (${input.Attribute}) for parameter attribute is invalid.`,
        )
    }
  },

  ModifyInstanceAttribute(input, world) {
    const instance = instanceOf(world, input.InstanceId)
    if (input.InstanceType?.Value) {
      if (instance.state !== 'stopped') {
        throw new Refusal(
          'IncorrectInstanceState',
          `The instance '${input.InstanceId}' is not in the 'stopped' state.`,
        )
      }
      const [from, to] = [architectureOf(instance.type), architectureOf(input.InstanceType.Value)]
      // The code: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html
      if (from !== to) {
        throw new Refusal(
          'InvalidInstanceAttributeValue',
          `'${input.InstanceType.Value}' is not a valid instance type for instance '${input.InstanceId}' of architecture '${from}'.`,
        )
      }
      instance.type = input.InstanceType.Value
    }
    instance.terminationProtected = input.DisableApiTermination?.Value ?? instance.terminationProtected
    instance.stopProtected = input.DisableApiStop?.Value ?? instance.stopProtected
    const { Value: shutdownBehavior } = input.InstanceInitiatedShutdownBehavior ?? {}
    if (shutdownBehavior) instance.shutdownBehavior = shutdownBehavior
    if (input.Groups) instance.groups = [...input.Groups]
    for (const { Ebs } of input.BlockDeviceMappings ?? []) {
      instance.volume.deleteOnTermination = Ebs?.DeleteOnTermination ?? instance.volume.deleteOnTermination
    }
    return {}
  },

  ModifyInstanceMetadataOptions(input, world) {
    const instance = instanceOf(world, input.InstanceId)
    const { HttpTokens, HttpPutResponseHopLimit, HttpEndpoint, InstanceMetadataTags } = input
    for (const [key, value] of Object.entries({
      HttpTokens,
      HttpPutResponseHopLimit,
      HttpEndpoint,
      InstanceMetadataTags,
    })) {
      if (value !== undefined) Object.assign(instance.tokens, { [key]: value })
    }
    return {
      InstanceId: input.InstanceId,
      InstanceMetadataOptions: { State: 'pending', ...(instance.tokens as object) },
    }
  },
} satisfies Answers<typeof import('@aws-sdk/client-ec2')>
