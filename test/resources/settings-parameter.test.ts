import {
  AddTagsToResourceCommand,
  DeleteParameterCommand,
  GetParameterCommand,
  ListTagsForResourceCommand,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Resource } from '../../src/engine/resource.js'
import type { Identity } from '../../src/resources/identity.js'
import { settingsParameter } from '../../src/resources/settings-parameter.js'
import { awsError, claim, context, lab, nothing, observed, seen } from './context.js'

const ssm = mockClient(SSMClient)
beforeEach(() => ssm.reset())

const Name = '/librechat-lab/default/spec'
const found = { ...nothing, unconfirmed: { instanceId: 'i-lab' } }
const identity = observed<Identity>('identity', found)
const resource = (adopt = false, read?: Parameters<typeof settingsParameter>[0]['read']) =>
  settingsParameter({
    ssm: new SSMClient({ region: 'us-east-1' }),
    lab,
    adopt,
    name: Name,
    value: (proven) => `wanted ${proven?.unconfirmed?.instanceId ?? ''}`,
    identity,
    read,
    describe: (from, to) => [{ what: 'everything', from, to }],
  })
const states = (() => found) as never
const work = context([[identity as Resource<never>, found]])
const state = { value: 'wanted i-lab', version: 3, owned: true }

describe('the settings parameter', () => {
  it('is what is stored, with its version; none is undefined', async () => {
    ssm.on(GetParameterCommand).rejectsOnce(awsError('ParameterNotFound'))
    expect(await resource().observe(seen)).toBeUndefined()
    expect(ssm.commandCalls(ListTagsForResourceCommand)).toHaveLength(0)
    ssm.on(GetParameterCommand).resolves({ Parameter: { Value: 'wanted i-lab', Version: 3 } })
    ssm.on(ListTagsForResourceCommand).resolves({ TagList: claim })
    expect(await resource().observe(seen)).toEqual(state)
  })

  it('is read as the caller says for the first observation only', async () => {
    ssm.on(GetParameterCommand).resolves({ Parameter: { Value: 'theirs', Version: 4 } })
    ssm.on(ListTagsForResourceCommand).resolves({ TagList: claim })
    const read = resource(false, async () => ({ value: 'wanted i-lab', version: 3 }))
    expect(await read.observe(seen)).toEqual(state)
    expect(ssm.commandCalls(GetParameterCommand)).toHaveLength(0)
    expect(await read.observe(seen)).toMatchObject({ value: 'theirs', version: 4 })
  })

  it('that is not the lab’s stops the run without adopt', async () => {
    ssm.on(GetParameterCommand).resolves({ Parameter: { Value: 'theirs', Version: 1 } })
    ssm.on(ListTagsForResourceCommand).resolves({ TagList: [] })
    await expect(resource().observe(seen)).rejects.toMatchObject({ code: 'unowned' })
    expect(await resource(true).observe(seen)).toMatchObject({ owned: false })
  })

  it('shows what will be stored, with what the user has to accept', () => {
    expect(resource().changes(state, states)).toEqual([])
    expect(resource().changes({ ...state, value: 'other' }, states)).toEqual([
      { what: 'everything', from: 'other', to: 'wanted i-lab' },
    ])
    expect(resource().changes({ ...state, owned: false }, states)).toMatchObject([{ what: 'ownership' }])
    expect(resource().changes(undefined, states)).toHaveLength(1)
  })

  it('is created with its tags and without Overwrite, changed with it, and left where nothing differs', async () => {
    ssm.on(PutParameterCommand).resolvesOnce({ Version: 1 }).resolvesOnce({ Version: 4 })
    expect(await resource().ensure(undefined, work)).toEqual({ ...state, version: 1 })
    expect(await resource().ensure({ ...state, value: 'other' }, work)).toEqual({ ...state, version: 4 })
    expect(await resource().ensure(state, work)).toEqual(state)
    const asked = ssm.commandCalls(PutParameterCommand).map(({ args }) => args[0].input)
    expect(asked).toMatchObject([{ Tags: claim }, { Overwrite: true }])
    expect(asked[0]?.Overwrite).toBeUndefined()
  })

  it('gets the lab’s tags where it is adopted', async () => {
    ssm.on(AddTagsToResourceCommand).resolves({})
    expect(await resource().ensure({ ...state, owned: false }, work)).toEqual(state)
    expect(ssm.commandCalls(AddTagsToResourceCommand)[0]?.args[0].input.Tags).toEqual(claim)
  })

  it('is deleted; gone already is success, and any other failure is none', async () => {
    ssm
      .on(DeleteParameterCommand)
      .resolvesOnce({})
      .rejectsOnce(awsError('ParameterNotFound'))
      .rejects(awsError('AccessDeniedException'))
    await resource().remove(state, work)
    await resource().remove(state, work)
    await expect(resource().remove(state, work)).rejects.toMatchObject({ name: 'AccessDeniedException' })
  })
})
