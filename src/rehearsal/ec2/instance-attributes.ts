import type { Answers } from '../answers.js'
import { Refusal } from '../refusal.js'
import { instanceOf } from './launch.js'
import { architectureOf } from './types.js'

/** What an instance is asked about and changed by, one attribute at a time. */
export const instanceAttributes = {
  DescribeInstanceAttribute(input, world) {
    const instance = instanceOf(world, input.InstanceId)
    const InstanceId = input.InstanceId
    switch (input.Attribute) {
      case 'disableApiTermination':
        return { InstanceId, DisableApiTermination: { Value: instance.terminationProtected } }
      case 'disableApiStop':
        return { InstanceId, DisableApiStop: { Value: instance.stopProtected } }
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
      architectureOf(input.InstanceType.Value)
      instance.type = input.InstanceType.Value
    }
    instance.terminationProtected = input.DisableApiTermination?.Value ?? instance.terminationProtected
    instance.stopProtected = input.DisableApiStop?.Value ?? instance.stopProtected
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
