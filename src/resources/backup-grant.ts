import { DeleteRolePolicyCommand, type IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam'
import { ignoreErrors } from '../aws/errors.js'
import type { PolicyDocument } from '../core/policy.js'

/** The inline policy that the role has while a backup is uploaded. `up`, `status` and `destroy` take it for drift. */
export const backupPolicyName = 'LibreChatBackup'

export interface BackupGrant {
  partition: string
  bucket: string
  /** The object's name, and the part of it that later backups have too, which ends with "/" or is empty. */
  key: string
  prefix: string
  /** From then on it allows nothing, whether it was removed or not. Milliseconds since the epoch. */
  until: number
}

/**
 * Allows writing one object, so that nothing that uses the role meanwhile can replace an earlier backup, and aborting
 * interrupted uploads below the prefix. Names can't add a wildcard or a variable: see app/backup/s3-url.ts.
 */
export function backupGrant({ partition, bucket, key, prefix, until }: BackupGrant): PolicyDocument {
  const Condition = { DateLessThan: { 'aws:CurrentTime': new Date(until).toISOString() } }
  const arn = `arn:${partition}:s3:::${bucket}`
  return {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: 's3:PutObject', Resource: `${arn}/${key}`, Condition },
      { Effect: 'Allow', Action: 's3:AbortMultipartUpload', Resource: `${arn}/${prefix}*`, Condition },
    ],
  }
}

export const grantBackup = async (iam: IAMClient, RoleName: string, grant: BackupGrant): Promise<void> => {
  const PolicyDocument = JSON.stringify(backupGrant(grant))
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: backupPolicyName, PolicyDocument }))
}

/** One that is gone already is success. */
export const withdrawBackup = async (iam: IAMClient, RoleName: string): Promise<void> => {
  await ignoreErrors(['NoSuchEntity'], () =>
    iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: backupPolicyName })),
  )
}

export const backupGrantActions = ['iam:PutRolePolicy', 'iam:DeleteRolePolicy'] as const
