import type { Hint } from '../core/error.js'

/** Why an instance terminated while it was starting, and what to do. EC2 gives the reason as a code in StateReason. */
interface Explanation {
  why: string
  fix: (string | Hint)[]
}

interface StateReason {
  Code?: string | undefined
  Message?: string | undefined
}

const again = 'Run the same command again. It launches a new instance.'

/**
 * The reasons: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html. EC2 accepts a launch
 * whose disk it cannot encrypt, and terminates the instance a moment later.
 */
export function explainLaunchFailure(reason: StateReason | undefined, region: string): Explanation {
  const said = reason?.Message ?? reason?.Code
  const code = reason?.Code ?? said?.split(':')[0] ?? ''
  if (/^Client\.(InternalError|InvalidKMSKey|KMS)/.test(code)) {
    return {
      why: `${said}. EC2 could not use the key that encrypts disks by default in ${region}: it is disabled, or its key policy does not let you use it.`,
      fix: [
        { run: `aws ec2 get-ebs-default-kms-key-id --region ${region}`, text: 'shows the key' },
        'Allow your identity in its key policy: kms:CreateGrant, kms:Decrypt, kms:DescribeKey, kms:GenerateDataKeyWithoutPlaintext and kms:ReEncrypt*: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html',
        {
          run: `aws ec2 reset-ebs-default-kms-key-id --region ${region}`,
          text: "uses AWS's own key instead",
        },
        `Then run the same command again.`,
      ],
    }
  }
  if (code === 'Client.VolumeLimitExceeded') {
    return {
      why: `${said}. The account's quota of EBS storage in ${region} is used up.`,
      fix: [
        'Delete unused disks, or request a quota increase in the console, under Service Quotas, Amazon EBS.',
        again,
      ],
    }
  }
  if (code === 'Client.UserInitiatedShutdown' || code === 'Client.InstanceInitiatedShutdown') {
    return { why: `${said}. Someone or something terminated it on purpose.`, fix: [again] }
  }
  if (code === 'Server.InsufficientInstanceCapacity') {
    return {
      why: `${said}. AWS ran out of capacity for this instance type.`,
      fix: [again, 'Or choose another type: --instance-type t3a.medium'],
    }
  }
  return { why: said ?? 'AWS gives no reason.', fix: [again] }
}
