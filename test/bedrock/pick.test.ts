import { describe, expect, it } from 'vitest'
import type { Model } from '../../src/bedrock/model.js'
import { findModels } from '../../src/bedrock/models.js'
import { pick, requireChat } from '../../src/bedrock/pick.js'
import { LabError } from '../../src/core/error.js'
import type { AccountKind } from '../support/gateway/bedrock.js'
import { printedFix } from '../support/printed.js'
import { account } from './control-plane.js'

async function modelsOf(kind: AccountKind, region = 'us-east-1'): Promise<Model[]> {
  const { bedrock, ask } = await account(kind, region)
  return findModels(bedrock, { region, ...ask })
}

/** The LabError that `action` throws. */
function thrownBy(action: () => void): LabError {
  try {
    action()
  } catch (error) {
    if (error instanceof LabError) return error
    throw error
  }
  throw new Error('Nothing was thrown.')
}

const ids = (models: readonly Model[]): string[] => models.map(({ id }) => id)

describe('the default menu', () => {
  it('holds the newest Claude and Nova of each line, Claude first; Sonnet begins, Haiku names, also when picked again by its ids', async () => {
    const choice = pick(await modelsOf('open'))
    expect(ids(choice.chosen)).toEqual([
      'us.anthropic.claude-sonnet-5',
      'us.anthropic.claude-opus-5',
      'us.anthropic.claude-haiku-4-5-20251001-v1:0',
      'us.amazon.nova-2-lite-v1:0',
      'us.amazon.nova-premier-v1:0',
      'amazon.nova-pro-v1:0',
      'amazon.nova-micro-v1:0',
    ])
    expect(choice.blocked).toEqual([])
    expect(choice.default?.name).toBe('Claude Sonnet 5')
    expect(choice.title?.name).toBe('Claude Haiku 4.5')
    expect(pick(await modelsOf('open'), ids(choice.chosen))).toEqual(choice)
  })

  it('is Nova only if there is no Claude, and one model of each provider if there is neither', async () => {
    const models = await modelsOf('no-claude')
    const choice = pick(models)
    expect(choice.chosen.every(({ name }) => name.startsWith('Nova'))).toBe(true)
    expect(choice.title?.name).toBe('Nova Micro')
    const others = pick(models.filter(({ provider }) => provider !== 'Amazon'))
    expect(others.chosen.map(({ provider }) => provider)).toEqual([
      'DeepSeek',
      'Meta',
      'Mistral AI',
      'OpenAI',
    ])
    expect(others.default).toBe(others.chosen[0])
    expect(others.title).toBe(others.chosen[0])
  })

  it('leaves out models that need consent, and names them', async () => {
    const choice = pick(await modelsOf('form-missing'))
    expect(choice.chosen.every(({ provider }) => provider === 'Amazon')).toBe(true)
    expect(choice.blocked.map(({ name }) => name)).toEqual([
      'Claude Opus 5',
      'Claude Sonnet 5',
      'Claude Haiku 4.5',
    ])
    // Chat works with Nova, so nothing stops.
    expect(() => requireChat(choice, 'us-east-1')).not.toThrow()
  })

  it('keeps an older callable model while its newer one still needs a yes', async () => {
    const models = (await modelsOf('open')).map((model) =>
      model.name === 'Claude Sonnet 5'
        ? { ...model, callable: false, problem: { reason: 'needs-licence', what: 'w', fix: 'f' } as const }
        : model,
    )
    const choice = pick(models)
    expect(choice.chosen.map(({ name }) => name)).toContain('Claude Sonnet 4.6')
    expect(choice.blocked.map(({ name }) => name)).toEqual(['Claude Sonnet 5'])
  })
})

describe('--models', () => {
  it.each([
    ['us.anthropic.claude-sonnet-5', 'us.anthropic.claude-sonnet-5'],
    ['global.anthropic.claude-sonnet-5', 'global.anthropic.claude-sonnet-5'],
    ['anthropic.claude-sonnet-5', 'us.anthropic.claude-sonnet-5'],
    ['claude-sonnet-5', 'us.anthropic.claude-sonnet-5'],
    ['Claude Sonnet 5', 'us.anthropic.claude-sonnet-5'],
    ['claude-haiku-4-5', 'us.anthropic.claude-haiku-4-5-20251001-v1:0'],
    ['haiku-4.5', 'us.anthropic.claude-haiku-4-5-20251001-v1:0'],
    ['nova-pro', 'amazon.nova-pro-v1:0'],
    ['us.amazon.nova-pro-v1:0', 'us.amazon.nova-pro-v1:0'],
    ['gpt-oss-120b', 'openai.gpt-oss-120b-1:0'],
  ])('takes %s for %s', async (typed, id) => {
    expect(ids(pick(await modelsOf('open'), [typed]).chosen)).toEqual([id])
  })

  it('gives the profile of the route that was named, and none for a model in the region', async () => {
    const models = await modelsOf('open')
    expect(pick(models, ['global.anthropic.claude-sonnet-5']).chosen[0]?.profile?.kind).toBe('global')
    expect(pick(models, ['us.amazon.nova-pro-v1:0']).chosen[0]?.profile?.kind).toBe('geographic')
    expect(pick(models, ['amazon.nova-pro-v1:0']).chosen[0]).not.toHaveProperty('profile')
  })

  it('keeps the order, begins with the first and forgets doubles', async () => {
    const choice = pick(await modelsOf('open'), ['nova-pro', 'claude-sonnet-5', 'amazon.nova-pro-v1:0'])
    expect(ids(choice.chosen)).toEqual(['amazon.nova-pro-v1:0', 'us.anthropic.claude-sonnet-5'])
    expect(choice.default?.name).toBe('Nova Pro')
  })

  it('suggests what is nearest to an unknown name', async () => {
    const models = await modelsOf('open')
    expect(() => pick(models, ['claude-sonett-5'])).toThrow(
      expect.objectContaining({
        code: 'unknown-model',
        why: expect.stringContaining('us.anthropic.claude-sonnet-5'),
      }),
    )
    expect(() => pick(models, [''])).toThrow(expect.objectContaining({ code: 'unknown-model' }))
  })

  it('asks for a whole id when a name means several models', async () => {
    const models = await modelsOf('open')
    expect(() => pick(models, ['opus'])).toThrow(
      expect.objectContaining({
        code: 'ambiguous-model',
        why: expect.stringContaining('us.anthropic.claude-opus-5'),
      }),
    )
  })

  it.each([`a"b`, '$(reboot)', 'x\ny', '模型', 'z'.repeat(10_000)])(
    'refuses %j without control characters',
    async (typed) => {
      const models = await modelsOf('open')
      try {
        pick(models, [typed])
        expect.unreachable()
      } catch (error) {
        expect(error).toMatchObject({ code: 'unknown-model' })
        expect((error as Error).message.length).toBeLessThan(200)
        expect((error as Error).message).not.toContain('\n')
      }
    },
  )

  it.each([
    ['form-missing', 'claude-sonnet-5', 'use-case form', '--use-case-file'],
    ['licence-missing', 'claude-sonnet-5', 'licence', '--accept-licences'],
    ['not-authorised', 'nova-pro', 'not authorised', 'AWS Support'],
    ['open', 'claude-3-haiku', 'legacy', 'newer model'],
  ] as const)(
    'on an account of kind %s stops at %s with the cause and the step',
    async (kind, name, cause, step) => {
      const choice = pick(await modelsOf(kind), [name])
      const error = thrownBy(() => requireChat(choice, 'us-east-1', [name]))
      expect(error).toMatchObject({
        code: 'model-not-callable',
        exitCode: 1,
        why: expect.stringContaining(cause),
      })
      expect(printedFix(error)).toContain(step)
    },
  )
})

describe('an account without any callable model', () => {
  it.each([
    ['not-authorised', 'not authorised'],
    ['empty', 'offers no chat model'],
  ] as const)('of kind %s stops the run and offers to go on without chat', async (kind, cause) => {
    const choice = pick(await modelsOf(kind))
    expect(choice).toMatchObject({ chosen: [], default: undefined, title: undefined })
    expect(() => requireChat(choice, 'us-east-1')).toThrow(
      expect.objectContaining({
        code: 'no-callable-model',
        why: expect.stringContaining(cause),
        fix: expect.arrayContaining([
          expect.objectContaining({ command: { keeps: true, path: 'up', flags: { 'without-chat': true } } }),
        ]),
      }),
    )
  })
})
