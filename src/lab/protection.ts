import type { PolicyDocument } from '../core/policy.js'
import { type LabId, tagKeys } from '../resources/ownership.js'

/**
 * Denies releasing the address and offering it to another account, based on the address's tags
 * (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html). It also protects the tag
 * that it depends on; otherwise the same user could remove the tag.
 */
export const denyRelease = ({ partition, region, account }: LabId, allocationId: string): PolicyDocument => ({
  Version: '2012-10-17',
  Statement: [
    {
      Sid: 'KeepTheAddress',
      Effect: 'Deny',
      Action: ['ec2:ReleaseAddress', 'ec2:EnableAddressTransfer', 'ec2:CreateTags', 'ec2:DeleteTags'],
      Resource: `arn:${partition}:ec2:${region}:${account}:elastic-ip/${allocationId}`,
      Condition: { StringEquals: { [`aws:ResourceTag/${tagKeys.protected}`]: 'true' } },
    },
  ],
})
