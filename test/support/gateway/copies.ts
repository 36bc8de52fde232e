import { DescribeImagesCommand } from '@aws-sdk/client-ec2'
import type { Witness } from '../clients.js'
import type { Call } from './call.js'
import type { Supplement } from './gateway.js'
import { type Answer, errorAnswer } from './wire.js'

/** EBS takes one snapshot of a volume in 15 seconds; the tests shorten the program's waits to a twentieth. */
const apartMs = 15_000 / 20

/**
 * What moto accepts of snapshots and AWS refuses: a second one of a volume within 15 seconds, and the deletion of one
 * that an image is made of. The codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 */
export function copies(witness: (region: string) => Witness): Supplement {
  const last = new Map<string, number>()
  return {
    before(call) {
      if (call.service !== 'ec2') return undefined
      if (call.action === 'DeleteSnapshot') return refuseInUse(witness(call.region), call)
      if (call.action !== 'CreateSnapshot') return undefined
      const volume = String(call.params.VolumeId)
      const before = last.get(volume)
      if (before !== undefined && Date.now() - before < apartMs)
        return errorAnswer(
          call,
          'SnapshotCreationPerVolumeRateExceeded',
          'The maximum per volume CreateSnapshot request rate has been exceeded.',
        )
      last.set(volume, Date.now())
      return undefined
    },
  }
}

async function refuseInUse({ ec2 }: Witness, call: Call): Promise<Answer | undefined> {
  const id = String(call.params.SnapshotId)
  const { Images = [] } = await ec2.send(new DescribeImagesCommand({ Owners: ['self'] }))
  const user = Images.find(({ BlockDeviceMappings = [] }) =>
    BlockDeviceMappings.some(({ Ebs }) => Ebs?.SnapshotId === id),
  )
  return user
    ? errorAnswer(call, 'InvalidSnapshot.InUse', `The snapshot ${id} is currently in use by ${user.ImageId}`)
    : undefined
}
