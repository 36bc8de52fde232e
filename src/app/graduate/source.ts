import * as z from 'zod'
import { LabError } from '../../core/error.js'
import { type Carried, takeAlong } from '../../host/graduate.js'
import { readHealth } from '../../host/host-health.js'
import { librechatYaml } from '../../host/librechat-yaml.js'
import { pinnedVersions } from '../../host/versions.js'
import { isName } from '../../lab/names.js'
import { nothingChosen, type Settings } from '../../lab/settings.js'
import { parseSettings } from '../../lab/stored-settings.js'
import type { LabId } from '../../resources/ownership.js'
import { requireRunning } from '../../tunnel/advice.js'
import { BackupReader, damaged, parsed } from '../backup/file.js'
import { passphraseFor } from '../backup/passphrase.js'
import { transferTask } from '../backup/progress.js'
import { backupPath } from '../backup/s3-url.js'
import { keyOf, plainOf, verifyReader } from '../backup/verify.js'
import { menuFor } from '../chat-proof.js'
import type { Context, GlobalOptions } from '../context.js'
import { hostOf } from '../host-work.js'
import { openLab } from '../open-lab.js'
import { partitionOf } from '../policy.js'
import { findRunning } from '../running-instance.js'
import type { GraduateOptions } from './choices.js'

/** What is taken from a lab. */
export interface Source extends Carried {
  /** Without an account for a backup, whose target account is unknown. */
  lab: LabId
  settings: Settings
  /** Tags of images: "v0.8.8", "8.0.20", "v1.35.1". */
  versions: { librechat: string; mongodb: string; meilisearch: string }
  /** The keys from a backup, encrypted to its own key, and that key, encrypted with the passphrase. */
  sealed: { message: Buffer; key: Buffer } | undefined
  /** The backup's size in bytes; undefined: there is none yet. */
  backupBytes: number | undefined
}

/** The account in ARNs: that of the role. */
const anyAccount = '*'

/** From a running lab. Changes nothing. */
export async function fromLab(options: GraduateOptions & GlobalOptions, context: Context): Promise<Source> {
  const open = await openLab(options, context)
  const { lab, stored } = open
  const { instanceId, state } = await findRunning(open, context)
  requireRunning(state)
  const host = hostOf(open, instanceId, context)
  const carried = await takeAlong(host, options.withSecrets ?? false)
  const { versions } = await readHealth(host)
  return {
    ...carried,
    lab,
    settings: stored ?? nothingChosen,
    versions: { ...pinnedVersions(), ...versions },
    sealed: undefined,
    backupBytes: undefined,
  }
}

/** From a backup, which is read to its end first. Calls nothing of AWS. */
export async function fromBackup(
  file: string,
  options: GraduateOptions & GlobalOptions,
  context: Context,
): Promise<Source> {
  const reader = await BackupReader.open(backupPath(file))
  try {
    const key = await keyOf(reader, await passphraseFor(options, context, { isNew: false }))
    const bytes = Object.values(reader.header.files).reduce((sum, size) => sum + size, 0)
    const verified = await transferTask('verification', bytes, context, (_, at) =>
      verifyReader(reader, key, { onRead: at, signal: context.signal }),
    )
    const text = async (name: string) => (await plainOf(reader, key, name)).toString()
    const { lab: name, region } = reader.header
    if (!isName(name) || !/^[a-z]{2}(-[a-z]+)+-\d$/.test(region))
      throw damaged(reader.path, 'Its lab’s name or region is not one.')
    const lab = { name, region, account: anyAccount, partition: partitionOf(region) }
    const settings = settingsIn(await text('settings.json'), reader.path, lab)
    const { allowance } = settings
    return {
      lab,
      settings,
      librechatYaml: librechatYaml({ region, ...menuFor(settings, undefined), allowance }),
      own: ownIn(await text('allowances.json'), reader.path),
      secrets: options.withSecrets ? secretsIn(await text('secrets.env'), reader.path) : undefined,
      versions: {
        ...pinnedVersions(),
        librechat: versionIn(verified.librechat, reader.path),
        mongodb: versionIn(verified.mongodb, reader.path),
      },
      sealed: {
        message: await reader.read('secrets.env.000000.cms'),
        key: await reader.read('key.pem'),
      },
      backupBytes: reader.bytes,
    }
  } finally {
    await reader.close()
  }
}

function settingsIn(text: string, path: string, lab: LabId): Settings {
  // The lab had no settings when it was backed up.
  if (text.trim() === '{}') return nothingChosen
  try {
    return parseSettings(text, path, lab)
  } catch (error) {
    // That error's advice is about the parameter in AWS.
    if (error instanceof LabError && error.code === 'bad-settings')
      throw damaged(path, error.why ?? error.message)
    throw error
  }
}

function ownIn(text: string, path: string): Record<string, number> {
  const found = z.record(z.string(), z.number().nonnegative()).safeParse(parsed(text))
  if (found.success) return found.data
  throw damaged(path, 'Its allowances can’t be read.')
}

function secretsIn(text: string, path: string): Record<string, string> {
  const pairs = text.split('\n').filter((line) => line !== '')
  const found = pairs.map((line) => /^([A-Z][A-Z0-9_]{1,40})=([\x21-\x7e]{1,200})$/.exec(line))
  if (found.every((match) => match !== null))
    return Object.fromEntries(found.map(([, name = '', value = '']) => [name, value]))
  throw damaged(path, 'Its keys can’t be read.')
}

/** A version becomes the tag of an image. */
function versionIn(text: string, path: string): string {
  if (/^v?\d+\.\d+\.\d+(-[a-z0-9.]{1,20})?$/.test(text)) return text
  throw damaged(path, 'Its versions can’t be read.')
}
