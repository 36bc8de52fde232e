import { describe, expect, it } from 'vitest'
import type { Model } from '../../src/bedrock/model.js'
import { findModels } from '../../src/bedrock/models.js'
import { pick } from '../../src/bedrock/pick.js'
import type { AccountKind } from '../support/gateway/bedrock.js'
import { account } from './control-plane.js'

async function modelsOf(kind: AccountKind, region = 'us-east-1'): Promise<Model[]> {
  const { bedrock, ask } = await account(kind, region)
  return findModels(bedrock, { region, ...ask })
}

const byName = (models: Model[], name: string): Model => {
  const found = models.find((model) => model.name === name)
  if (!found) throw new Error(`no ${name} among ${models.map((model) => model.name).join(', ')}`)
  return found
}

const reasons = (models: Model[]): string[] => [
  ...new Set(models.flatMap((model) => model.problem?.reason ?? [])),
]

describe('the models of an account', () => {
  it('are text chat models only, Claude first and newest first, and nothing prevents a call', async () => {
    const models = await modelsOf('open')
    expect(models.map(({ name }) => name)).toEqual([
      'Claude Fable 5.1',
      'Claude Opus 5',
      'Claude Sonnet 5',
      'Claude Opus 4.8',
      'Claude Sonnet 4.6',
      'Claude Opus 4.6',
      'Claude Opus 4.5',
      'Claude Haiku 4.5',
      'Claude Sonnet 4.5',
      'Claude Sonnet 4',
      'Claude 3 Haiku',
      'Nova Premier',
      'Nova 2 Lite',
      'Nova Pro',
      'Nova Micro',
      'Nova Lite',
      'DeepSeek-R1',
      'Llama 4 Maverick 17B Instruct',
      'Llama 3.3 70B Instruct',
      'Pixtral Large (25.02)',
      'gpt-oss-120b',
    ])
    expect(
      models.filter(({ callable }) => !callable).map(({ name, problem }) => [name, problem?.reason]),
    ).toEqual([
      ['Claude Fable 5.1', 'needs-retention'],
      ['Claude Sonnet 4', 'legacy'],
      ['Claude 3 Haiku', 'legacy'],
    ])
  })

  it('leave out what cannot chat: embeddings, speech, rerankers, video readers, provisioned throughput, other endpoints', async () => {
    const ids = (await modelsOf('open')).map(({ modelId }) => modelId)
    for (const absent of ['titan-embed', 'sonic', 'rerank', 'pegasus', ':24k', ':48k', 'gpt-5.5']) {
      expect(ids.filter((id) => id.includes(absent))).toEqual([])
    }
    expect(ids).toContain('openai.gpt-oss-120b-1:0')
  })

  it('are called in the region where they can be, else through the nearest profile, else globally', async () => {
    const virginia = await modelsOf('open', 'us-east-1')
    expect(byName(virginia, 'Nova Pro')).toMatchObject({ id: 'amazon.nova-pro-v1:0' })
    expect(byName(virginia, 'Nova Pro').profile).toBeUndefined()
    expect(byName(virginia, 'Claude Sonnet 5')).toMatchObject({
      id: 'us.anthropic.claude-sonnet-5',
      profile: { kind: 'geographic' },
    })
    const sydney = await modelsOf('open', 'ap-southeast-2')
    // Two regions rather than eight; and the whole world only where nothing nearer is.
    expect(byName(sydney, 'Claude Sonnet 5').id).toBe('au.anthropic.claude-sonnet-5')
    const saoPaulo = await modelsOf('open', 'sa-east-1')
    expect(byName(saoPaulo, 'Claude Sonnet 5')).toMatchObject({
      id: 'global.anthropic.claude-sonnet-5',
      profile: {
        kind: 'global',
        arn: 'arn:aws:bedrock:sa-east-1:123456789012:inference-profile/global.anthropic.claude-sonnet-5',
        models: [
          'arn:aws:bedrock:::foundation-model/anthropic.claude-sonnet-5',
          'arn:aws:bedrock:sa-east-1::foundation-model/anthropic.claude-sonnet-5',
        ],
      },
    })
  })

  it('keep the farther routes for a person who names one', async () => {
    const sonnet = byName(await modelsOf('open'), 'Claude Sonnet 5')
    expect(sonnet.routes.map(({ id }) => id)).toEqual([
      'us.anthropic.claude-sonnet-5',
      'global.anthropic.claude-sonnet-5',
    ])
  })

  it.each([
    ['form-missing', 'Claude Sonnet 5', 'needs-form'],
    ['form-missing', 'DeepSeek-R1', 'needs-licence'],
    ['licence-missing', 'Claude Sonnet 5', 'needs-licence'],
    ['not-authorised', 'Nova Pro', 'not-authorised'],
    ['legacy', 'Claude Sonnet 5', 'legacy'],
    ['profile-only', 'gpt-oss-120b', 'needs-profile'],
    ['unknown-fields', 'Llama 3.3 70B Instruct', 'unclear'],
    ['open', 'Claude Fable 5.1', 'needs-retention'],
    ['no-retention', 'Claude Fable 5.1', 'needs-retention'],
    // Accepting its licence would not help.
    ['licence-missing', 'Claude Fable 5.1', 'needs-retention'],
    ['not-authorised', 'Claude Fable 5.1', 'not-authorised'],
    ['payment', 'Claude Sonnet 5', 'needs-payment'],
    ['licence-failing', 'Claude Sonnet 5', 'needs-licence'],
  ] as const)('on an account of kind %s say of %s: %s', async (kind, name, reason) => {
    const model = byName(await modelsOf(kind), name)
    expect(model).toMatchObject({ callable: false, problem: { reason } })
    expect(model.problem?.what).toContain(name)
    expect(model.problem?.fix).not.toBe('')
  })

  it('include the one that demands shared data where the account shares it', async () => {
    expect(byName(await modelsOf('data-shared'), 'Claude Fable 5.1').callable).toBe(true)
  })

  it('are listed, with a note and a doubt, where the data retention mode may not be read', async () => {
    const { bedrock, ask, emit, events } = await account('retention-hidden')
    const models = await findModels(bedrock, { region: 'us-east-1', ...ask, emit })
    const fable = byName(models, 'Claude Fable 5.1')
    expect(fable).toMatchObject({ callable: true, doubt: expect.stringContaining('30 days') })
    expect(events).toEqual([
      { type: 'note', text: expect.stringMatching(/retention mode is not known.*AccessDeniedException/) },
    ])
    expect(pick(models).chosen.map(({ name }) => name)).not.toContain('Claude Fable 5.1')
    expect(pick(models, ['claude-fable-5-1']).chosen).toHaveLength(1)
  })

  it('are found, and nothing stops, in a partition that lacks the questions for form, access and retention', async () => {
    const { bedrock, ask, emit } = await account('few-apis')
    const models = await findModels(bedrock, { region: 'us-east-1', ...ask, emit })
    expect(byName(models, 'Claude Sonnet 5').callable).toBe(true)
    expect(pick(models).chosen.map(({ name }) => name)).not.toContain('Claude Fable 5.1')
  })

  it.each([
    ['UnknownOperationException', 404],
    ['ValidationException', 400],
    ['UnrecognizedClientException', 403],
  ] as const)('are found although the question for the form ends in %s', async (name, httpStatusCode) => {
    const { bedrock, home, ask, emit, events } = await account('form-missing', 'eu-central-1')
    const refusal = Object.assign(new Error('refused'), { name, $metadata: { httpStatusCode } })
    home.middlewareStack.add(() => () => Promise.reject(refusal), {
      step: 'finalizeRequest',
      priority: 'low',
    })
    const models = await findModels(bedrock, { region: 'eu-central-1', home, ...ask, emit })
    expect(byName(models, 'Claude Sonnet 5').problem?.reason).toBe('needs-licence')
    expect(events).toEqual([{ type: 'note', text: expect.stringContaining(name) }])
  })

  it('are all called through profiles where AWS offers nothing else', async () => {
    const models = (await modelsOf('profile-only')).filter(({ callable }) => callable)
    expect(models.length).toBeGreaterThan(5)
    for (const model of models) expect(model.id).toMatch(/^us\./)
  })

  it('without Claude, or without any model, are a shorter or an empty list and no error', async () => {
    const without = await modelsOf('no-claude')
    expect(without.map(({ provider }) => provider)).not.toContain('Anthropic')
    expect(byName(without, 'Nova Pro').callable).toBe(true)
    expect(await modelsOf('empty')).toEqual([])
  })

  it('do not mind fields that no SDK of today knows', async () => {
    const models = await modelsOf('unknown-fields')
    expect(byName(models, 'Claude Sonnet 5').callable).toBe(true)
    expect(reasons(models).sort()).toEqual(['legacy', 'needs-retention', 'unclear'])
  })
})

describe('asking for them', () => {
  it('takes one call a model, eight at a time, every page of profiles, and changes nothing', async () => {
    const { bedrock, ask, calls, mostAtOnce } = await account('open')
    const models = await findModels(bedrock, { region: 'us-east-1', ...ask })
    const asked = calls.filter((call) => call.includes('availability'))
    expect(new Set(asked).size).toBe(asked.length)
    expect(asked).toHaveLength(models.filter((model) => model.problem?.reason !== 'legacy').length)
    expect(calls.filter((call) => call === 'GET /inference-profiles').length).toBeGreaterThan(2)
    expect(calls.filter((call) => !call.startsWith('GET '))).toEqual([])
    expect(mostAtOnce()).toBeGreaterThan(4)
    expect(mostAtOnce()).toBeLessThanOrEqual(8)
  })

  it('goes on when AWS throttles', async () => {
    const patient = await account('throttled')
    expect(
      (await findModels(patient.bedrock, { region: 'us-east-1', ...patient.ask })).length,
    ).toBeGreaterThan(10)
    expect(patient.slept()).toBeGreaterThan(500)
  })

  it('gives up when AWS throttles for half a minute', async () => {
    const { bedrock, ask, slept } = await account('open')
    bedrock.middlewareStack.add(
      () => async () => {
        throw Object.assign(new Error('Too many requests'), {
          name: 'ThrottlingException',
          $metadata: { httpStatusCode: 429 },
        })
      },
      { step: 'finalizeRequest', priority: 'low' },
    )
    await expect(findModels(bedrock, { region: 'us-east-1', ...ask })).rejects.toThrow('Too many requests')
    expect(slept()).toBeGreaterThanOrEqual(30_000)
    expect(slept()).toBeLessThan(120_000)
  })

  it('names the permission that the caller lacks', async () => {
    const { bedrock, ask } = await account('denied')
    await expect(findModels(bedrock, { region: 'us-east-1', ...ask })).rejects.toMatchObject({
      code: 'bedrock-denied',
      fix: [expect.stringMatching(/^Allow bedrock:List/)],
    })
  })

  it('still lists for an identity that may not see the form', async () => {
    const { bedrock, home, ask } = await account('form-missing', 'eu-central-1')
    const denied = Object.assign(new Error('with an explicit deny in a service control policy'), {
      name: 'AccessDeniedException',
      $metadata: { httpStatusCode: 403 },
    })
    home.middlewareStack.add(() => () => Promise.reject(denied), { step: 'finalizeRequest', priority: 'low' })
    const models = await findModels(bedrock, { region: 'eu-central-1', home, ...ask })
    expect(byName(models, 'Claude Sonnet 5').problem?.reason).toBe('needs-licence')
  })

  it('stops immediately when it is interrupted', async () => {
    const { bedrock, ask } = await account('open')
    const interrupt = new AbortController()
    interrupt.abort()
    await expect(
      findModels(bedrock, { region: 'us-east-1', ...ask, signal: interrupt.signal }),
    ).rejects.toMatchObject({ code: 'interrupted', exitCode: 130 })
  })

  it('says so where a region has no Bedrock', async () => {
    const { bedrock, ask } = await account('open')
    bedrock.middlewareStack.add(
      () => async () => {
        throw Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
      },
      { step: 'finalizeRequest', priority: 'low' },
    )
    await expect(findModels(bedrock, { region: 'xx-nowhere-1', ...ask })).rejects.toMatchObject({
      code: 'no-bedrock-in-region',
    })
  })
})
