import {
  AddTagsToResourceCommand,
  DeleteParameterCommand,
  GetParameterCommand,
  ListTagsForResourceCommand,
  PutParameterCommand,
  type SSMClient,
} from '@aws-sdk/client-ssm'
import { ignoreErrors, isCode } from '../aws/errors.js'
import { LabError } from '../core/error.js'
import type { Resource, ResourceActions } from '../engine/resource.js'
import type { Identity } from './identity.js'
import { checkOwned, type LabId, tagsOf } from './ownership.js'

export interface SettingsParameterState {
  value: string
  /** Starts at 1; AWS increments it with every change. */
  version: number
  owned: boolean
}

export interface ParameterText {
  value: string
  version: number
}

/** Undefined: there is no parameter. */
export type ReadSettings = () => Promise<ParameterText | undefined>

/** The parameter's value; undefined if there is none. */
export async function readParameter(ssm: SSMClient, name: string): Promise<ParameterText | undefined> {
  const found = await ignoreErrors(['ParameterNotFound'], () =>
    ssm.send(new GetParameterCommand({ Name: name })),
  )
  const { Value, Version } = found?.Parameter ?? {}
  return Value === undefined ? undefined : { value: Value, version: Version ?? 0 }
}

/**
 * Overwrites the version that the value was derived from, and returns the new version. Parameter Store has no
 * conditional write: if the answer shows another write in between, that text is restored, and a LabError
 * `settings-conflict` is thrown.
 */
export async function overwrite(ssm: SSMClient, name: string, value: string, from: number): Promise<number> {
  const put = (Value: string) =>
    ssm.send(new PutParameterCommand({ Name: name, Value, Type: 'String', Overwrite: true }))
  const { Version = from + 1 } = await put(value)
  let theirs: string | undefined
  for (let version = from + 1; version < Version; version += 1) {
    const between = await readParameter(ssm, `${name}:${version}`)
    // A retry of this same call is not a conflict.
    if (between && between.value !== value) theirs = between.value
  }
  if (theirs === undefined) return Version
  await put(theirs)
  throw settingsConflict(name)
}

export const settingsConflict = (name: string): LabError =>
  new LabError({
    code: 'settings-conflict',
    what: `Another run changed the settings ${name} at the same time.`,
    why: 'Its change is kept, and the settings of this run are not stored.',
    fix: ['Run the same command again: it shows the plan with both changes.'],
    exitCode: 2,
  })

/** The user's choices, stored in AWS. Created first, and removed last. */
export function settingsParameter(options: {
  ssm: SSMClient
  lab: LabId
  adopt: boolean
  name: string
  /** The text to store, given the proven resources. */
  value: (identity: Identity | undefined) => string
  identity: Resource<Identity>
  /**
   * Replaces the call of the first observation if the caller reads the parameter anyway. A write detects a stale
   * value.
   */
  read?: ReadSettings | undefined
  /** Describes the differences between two stored texts. */
  describe: (before: string, after: string) => { what: string; from?: string; to?: string }[]
}): Resource<SettingsParameterState> {
  const { ssm, lab, name, identity } = options
  let { read } = options

  return {
    name: `settings ${name}`,
    after: [],
    isFirst: true,
    id: () => name,

    async observe(seen) {
      const ask = read ?? (() => readParameter(ssm, name))
      read = undefined
      const [found] = await Promise.all([ask(), seen(identity)])
      if (!found) return undefined
      const tags = await ignoreErrors(['InvalidResourceId', 'InvalidResourceType'], () =>
        ssm.send(new ListTagsForResourceCommand({ ResourceType: 'Parameter', ResourceId: name })),
      )
      return { ...found, owned: checkOwned(lab, `parameter ${name}`, tags?.TagList, options.adopt) }
    },

    changes(state, seen) {
      const value = options.value(seen(identity))
      if (!state) return [{ what: 'settings', to: 'stored for the next run' }]
      return [
        ...(state.owned ? [] : [{ what: 'ownership', from: 'not ours', to: `lab ${lab.name}` }]),
        ...(state.value === value ? [] : options.describe(state.value, value)),
      ]
    },

    async ensure(state, work) {
      const value = options.value(work.seen(identity))
      if (!state) {
        // Tags and Overwrite can't be combined. Without Overwrite, a second run gets an error that the parameter
        // exists.
        const { Version } = await ssm.send(
          new PutParameterCommand({
            Name: name,
            Value: value,
            Type: 'String',
            Description: 'The settings of a lab made by librechat-lab.',
            Tags: tagsOf(lab),
          }),
        )
        return { value, version: Version ?? 1, owned: true }
      }
      if (!state.owned) {
        await ssm.send(
          new AddTagsToResourceCommand({ ResourceType: 'Parameter', ResourceId: name, Tags: tagsOf(lab) }),
        )
      }
      if (state.value === value) return { ...state, owned: true }
      return { value, version: await overwrite(ssm, name, value, state.version), owned: true }
    },

    async remove() {
      try {
        await ssm.send(new DeleteParameterCommand({ Name: name }))
      } catch (error) {
        if (!isCode(error, 'ParameterNotFound')) throw error
      }
    },
  }
}

export const settingsParameterActions = {
  observe: ['ssm:GetParameter', 'ssm:ListTagsForResource'],
  ensure: ['ssm:PutParameter', 'ssm:AddTagsToResource'],
  remove: ['ssm:DeleteParameter'],
} as const satisfies ResourceActions
