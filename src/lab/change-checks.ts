import {
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2'
import { isCode } from '../aws/errors.js'
import { LabError } from '../core/error.js'
import { type InstanceState, isStopProtected } from '../resources/instance.js'
import type { Choices } from './choices.js'

/**
 * Refuses changes of the existing instance that AWS would refuse, before anything is stored: LabError
 * `disk-cannot-shrink`, `subnet-cannot-change`, `stop-protected`, `other-architecture` or `type-not-offered`.
 */
export async function checkChange(
  ec2: EC2Client,
  instance: InstanceState,
  wanted: { instanceType: string; choices: Choices },
): Promise<void> {
  const { choices, instanceType } = wanted
  const { volume, subnetId, type } = instance
  if (volume && choices.diskGb !== undefined && choices.diskGb < volume.sizeGb) {
    throw new LabError({
      code: 'disk-cannot-shrink',
      what: `The disk has ${volume.sizeGb} GB and cannot become ${choices.diskGb} GB.`,
      why: 'An EBS volume can only grow.',
      fix: [`Leave --disk out to keep its size, or use --disk ${volume.sizeGb} or more`],
    })
  }
  if (choices.subnetId !== undefined && choices.subnetId !== subnetId) {
    throw new LabError({
      code: 'subnet-cannot-change',
      what: `The instance is in ${subnetId} and cannot move to ${choices.subnetId}.`,
      why: 'An instance stays in the subnet in which it was launched.',
      fix: [
        'Leave --subnet-id out to keep it where it is.',
        {
          command: {
            path: 'up',
            flags: { 'replace-instance': instance.instanceId, 'subnet-id': choices.subnetId },
          },
          text: 'launches a new instance there and moves the data to it',
        },
      ],
    })
  }
  if (instanceType !== type) await checkTypeChange(ec2, instance, instanceType)
}

async function checkTypeChange(ec2: EC2Client, instance: InstanceState, to: string): Promise<void> {
  if (await isStopProtected(ec2, instance.instanceId)) {
    throw new LabError({
      code: 'stop-protected',
      what: `The instance type cannot change: ${instance.instanceId} is protected against being stopped.`,
      why: 'Changing the type needs a stop, and stop protection prevents it.',
      fix: [
        {
          run: `aws ec2 modify-instance-attribute --instance-id ${instance.instanceId} --no-disable-api-stop`,
          text: 'switches stop protection off',
        },
      ],
    })
  }
  const [from, wanted, offered] = await Promise.all([
    architecturesOf(ec2, instance.type),
    architecturesOf(ec2, to),
    isOffered(ec2, to, instance.zone),
  ])
  // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resize-limitations.html
  if (from.length > 0 && !wanted.some((one) => from.includes(one))) {
    throw new LabError({
      code: 'other-architecture',
      what: `${instance.type} (${from.join(', ')}) cannot become ${to} (${wanted.join(', ') || 'unknown'}).`,
      why: 'The system on the disk is built for one processor architecture, and AWS refuses a type of another.',
      fix: [
        `Choose a type of the same architecture: --instance-type ${from.includes('arm64') ? 't4g.large' : 't3.large'}`,
        {
          command: {
            path: 'up',
            flags: { 'replace-instance': instance.instanceId, 'instance-type': to },
          },
          text: 'launches a new instance of this type and moves the data to it',
        },
      ],
    })
  }
  if (!offered) {
    throw new LabError({
      code: 'type-not-offered',
      what: `${instance.zone} does not offer ${to}.`,
      why: `The instance and its disk are in ${instance.zone} and stay there.`,
      fix: [`Choose another type: --instance-type ${from.includes('arm64') ? 't4g.large' : 't3.large'}`],
    })
  }
}

async function architecturesOf(ec2: EC2Client, type: string): Promise<readonly string[]> {
  try {
    const { InstanceTypes = [] } = await ec2.send(
      new DescribeInstanceTypesCommand({ InstanceTypes: [type as never] }),
    )
    return InstanceTypes[0]?.ProcessorInfo?.SupportedArchitectures ?? []
  } catch (error) {
    // The check of the type itself reports it.
    if (isCode(error, 'InvalidInstanceType', 'InvalidParameterValue')) return []
    throw error
  }
}

async function isOffered(ec2: EC2Client, type: string, zone: string): Promise<boolean> {
  const { InstanceTypeOfferings = [] } = await ec2.send(
    new DescribeInstanceTypeOfferingsCommand({
      LocationType: 'availability-zone',
      Filters: [
        { Name: 'instance-type', Values: [type] },
        { Name: 'location', Values: [zone] },
      ],
    }),
  )
  return InstanceTypeOfferings.length > 0
}
