import { type Address, DescribeAccountAttributesCommand, type EC2Client } from '@aws-sdk/client-ec2'
import { ignoreErrors } from '../aws/errors.js'
import { LabError } from '../core/error.js'

/** The default quota: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html */
const leastQuota = 5

/**
 * The account's quota of Elastic IPs in the region; undefined if it did not have to be asked. LabError
 * `address-quota` if it is used up.
 */
export async function checkAddressQuota(
  ec2: EC2Client,
  region: string,
  held: readonly Address[],
): Promise<number | undefined> {
  if (held.length < leastQuota) return undefined
  // A caller without the permission to read the quota can still create a lab.
  const limits = await ignoreErrors(['UnauthorizedOperation'], () =>
    ec2.send(new DescribeAccountAttributesCommand({ AttributeNames: ['vpc-max-elastic-ips' as never] })),
  )
  const quota = limits?.AccountAttributes?.[0]?.AttributeValues?.[0]?.AttributeValue
  const most = quota ? Number(quota) : undefined
  if (most === undefined || held.length < most) return most
  const idle = held.filter(({ AssociationId }) => !AssociationId).map(({ PublicIp }) => PublicIp)
  throw new LabError({
    code: 'address-quota',
    what: `The account’s quota of ${most} Elastic IPs in ${region} is used up.`,
    why: idle.length > 0 ? `These are not in use: ${idle.join(', ')}.` : 'All of them are in use.',
    fix: [
      `Request a higher quota: https://${region}.console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-0263D0A3`,
      ...(idle.length > 0 ? ['Or release one that is not needed'] : []),
    ],
  })
}
