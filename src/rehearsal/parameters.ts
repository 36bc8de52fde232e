import { accountId, type Parameter } from './account.js'
import type { Answers } from './answers.js'
import { imageOf } from './ec2/types.js'
import { found, Refusal } from './refusal.js'
import { fromTags, toTags, type World } from './world.js'

const largest = 4096

/** The public parameters that name Amazon Linux's newest images, for every kernel name. */
const publicImage = /^\/aws\/service\/ami-amazon-linux-latest\/al2023-ami-kernel-[\w.]+-(x86_64|arm64)$/

function lookUp(name: string, { here, region }: World): Parameter | undefined {
  const architecture = publicImage.exec(name)?.[1]
  if (!architecture) return Object.hasOwn(here.parameters, name) ? here.parameters[name] : undefined
  return { value: imageOf(region, architecture), type: 'String', version: 1, modifiedAt: 0, tags: {} }
}

const view = (name: string, parameter: Parameter, decrypt: boolean | undefined, { region }: World) => ({
  Name: name,
  Type: parameter.type as never,
  Value: parameter.type === 'SecureString' && !decrypt ? 'kms:alias/aws/ssm:…' : parameter.value,
  Version: parameter.version,
  LastModifiedDate: new Date(parameter.modifiedAt),
  ARN: `arn:aws:ssm:${region}:${accountId}:parameter/${name.replace(/^\//, '')}`,
  DataType: 'text',
})

const parameterOf = ({ here }: World, name: string | undefined): Parameter =>
  found(here.parameters, name, 'ParameterNotFound', '')

/** The parameter that a tagging call names; AWS uses a different error code here. */
const taggedOf = ({ here }: World, id: string | undefined): Parameter =>
  found(
    here.parameters,
    id,
    'InvalidResourceId',
    'The resource ID is not valid. Verify that you entered the correct ID and try again.',
  )

export const parameters = {
  PutParameter(input, { here, now }) {
    const name = input.Name ?? ''
    if (!/^\/?[\w.-]+(\/[\w.-]+)*$/.test(name)) {
      throw new Refusal('ValidationException', 'Parameter name must be a fully qualified name.')
    }
    if (Buffer.byteLength(input.Value ?? '') > largest) {
      throw new Refusal(
        'ValidationException',
        `Standard tier parameters support a maximum parameter value of ${largest} characters.`,
      )
    }
    if (input.Overwrite && input.Tags?.length) {
      throw new Refusal(
        'ValidationException',
        "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag.",
      )
    }
    const before = Object.hasOwn(here.parameters, name) ? here.parameters[name] : undefined
    if (before && !input.Overwrite) {
      throw new Refusal(
        'ParameterAlreadyExists',
        'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.',
      )
    }
    const description = input.Description ?? before?.description
    here.parameters[name] = {
      value: input.Value ?? '',
      type: input.Type ?? before?.type ?? 'String',
      version: (before?.version ?? 0) + 1,
      modifiedAt: now,
      tags: before?.tags ?? toTags(input.Tags),
      ...(description ? { description } : {}),
    }
    return { Version: (before?.version ?? 0) + 1, Tier: 'Standard' }
  },

  GetParameter(input, world) {
    const name = input.Name ?? ''
    const parameter = lookUp(name, world)
    if (!parameter) throw new Refusal('ParameterNotFound', '')
    return { Parameter: view(name, parameter, input.WithDecryption, world) }
  },

  GetParameters(input, world) {
    const asked = (input.Names ?? []).map((name) => ({ name, parameter: lookUp(name, world) }))
    return {
      Parameters: asked.flatMap(({ name, parameter }) =>
        parameter ? [view(name, parameter, input.WithDecryption, world)] : [],
      ),
      InvalidParameters: asked.filter(({ parameter }) => !parameter).map(({ name }) => name),
    }
  },

  GetParametersByPath(input, world) {
    const path = `${(input.Path ?? '/').replace(/\/$/, '')}/`
    return {
      Parameters: Object.entries(world.here.parameters)
        .filter(([name]) => name.startsWith(path))
        .filter(([name]) => input.Recursive || !name.slice(path.length).includes('/'))
        .map(([name, parameter]) => view(name, parameter, input.WithDecryption, world)),
    }
  },

  DeleteParameter(input, world) {
    parameterOf(world, input.Name)
    delete world.here.parameters[input.Name ?? '']
    return {}
  },

  DeleteParameters(input, { here }) {
    const names = input.Names ?? []
    const there = names.filter((name) => Object.hasOwn(here.parameters, name))
    for (const name of there) delete here.parameters[name]
    return { DeletedParameters: there, InvalidParameters: names.filter((name) => !there.includes(name)) }
  },

  ListTagsForResource(input, world) {
    return { TagList: fromTags(taggedOf(world, input.ResourceId).tags) }
  },

  AddTagsToResource(input, world) {
    Object.assign(taggedOf(world, input.ResourceId).tags, toTags(input.Tags))
    return {}
  },
} satisfies Answers<typeof import('@aws-sdk/client-ssm')>
