import { resolve } from 'node:path'
import { LabError } from '../../core/error.js'
import { shellQuote } from '../../core/shell.js'

export interface S3Prefix {
  bucket: string
  /** Ends with "/", or is empty for the whole bucket. */
  prefix: string
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html; directory buckets and aliases speak otherwise. */
const bucketName =
  /^(?!xn--|sthree-|\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)(?!.*(--x-s3|-s3alias|--ol-s3|\.mrap)$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
/**
 * The safe characters of https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html without "*", which means
 * something else in a policy, and no segment that a path would resolve.
 */
const prefixName = /^(?!.*(^|\/)(\.{0,2})(\/|$))[\w!.()/-]{1,800}$/

export const isS3Url = (text: string): boolean => /^s3:\/\//.test(text)

/** "s3://bucket/prefix"; LabError `bad-s3-url`. */
export function parseS3Url(text: string): S3Prefix {
  const [, bucket = '', rest = ''] = /^s3:\/\/([^/]*)\/?(.*)$/s.exec(text) ?? []
  const prefix = rest.replace(/\/$/, '')
  if (bucketName.test(bucket) && (prefix === '' || prefixName.test(prefix)))
    return { bucket, prefix: prefix && `${prefix}/` }
  throw new LabError({
    code: 'bad-s3-url',
    what: `${JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)} is not a place for backups in S3.`,
    why: bucketName.test(bucket)
      ? 'The prefix becomes part of a policy: use letters, digits and ! - _ . ( ) /, with a name between two slashes.'
      : 'It has to begin with s3:// and the name of a general purpose bucket.',
    fix: [{ command: { keeps: true, path: 'backup', flags: { to: 's3://bucket/prefix' } } }],
  })
}

/** The path of a backup file as the user gave it; LabError `backup-in-s3` for an object that was not downloaded. */
export function backupPath(source: string): string {
  if (!isS3Url(source)) return resolve(source)
  throw new LabError({
    code: 'backup-in-s3',
    what: 'A backup in S3 has to be downloaded first.',
    why: 'Your own credentials read it: the host’s role may only write.',
    fix: [
      { run: `aws s3 cp ${shellQuote(source.slice(0, 1200))} .` },
      'Then run the same command with the downloaded file.',
    ],
  })
}
