import { configSchema, defaultAgentCapabilities } from 'librechat-data-provider'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { findModels } from '../../src/bedrock/models.js'
import { pick } from '../../src/bedrock/pick.js'
import { type LibreChatSettings, librechatYaml } from '../../src/host/librechat-yaml.js'
import { account } from './control-plane.js'

async function settingsOf(
  kind: Parameters<typeof account>[0],
  region = 'us-east-1',
): Promise<LibreChatSettings> {
  const { bedrock, ask } = await account(kind, region)
  const choice = pick(await findModels(bedrock, { region, ...ask }))
  return {
    region,
    models: choice.chosen.map(({ id, name }) => ({ id, label: name })),
    defaultModel: choice.default?.id,
    titleModel: choice.title?.id,
  }
}

/** Every leaf of `given` that LibreChat's schema dropped or changed, as paths. */
function lost(given: unknown, kept: unknown, path = ''): string[] {
  if (typeof given !== 'object' || given === null) return given === kept ? [] : [path]
  return Object.entries(given).flatMap(([key, value]) =>
    lost(value, (kept as Record<string, unknown> | undefined)?.[key], `${path}.${key}`),
  )
}

describe('librechat.yaml', () => {
  it.each([
    'open',
    'form-missing',
    'licence-missing',
    'profile-only',
    'no-claude',
    'not-authorised',
    'legacy',
    'unknown-fields',
    'empty',
  ] as const)(
    "for an account of kind %s is what LibreChat's own schema takes, and nothing of it is lost",
    async (kind) => {
      const given = parse(librechatYaml(await settingsOf(kind)))
      const judged = configSchema.strict().safeParse(given)
      expect(judged.error?.issues).toBeUndefined()
      expect(lost(given, judged.data)).toEqual([])
    },
  )

  it('would be caught with a key that LibreChat does not know', async () => {
    const given = parse(librechatYaml(await settingsOf('open')))
    given.endpoints.bedrock.titelModel = 'x'
    expect(lost(given, configSchema.strict().safeParse(given).data)).toEqual([
      '.endpoints.bedrock.titelModel',
    ])
    expect(configSchema.strict().safeParse({ ...given, endpionts: {} }).success).toBe(false)
  })

  it('offers exactly the callable models, by their names, one of them first', async () => {
    const { endpoints, modelSpecs, version } = parse(librechatYaml(await settingsOf('open', 'eu-central-1')))
    expect(version).toBe('1.3.17')
    expect(endpoints.bedrock.models).toEqual([
      'eu.anthropic.claude-sonnet-5',
      'eu.anthropic.claude-opus-5',
      'eu.anthropic.claude-haiku-4-5-20251001-v1:0',
      'eu.amazon.nova-2-lite-v1:0',
      'eu.amazon.nova-pro-v1:0',
      'eu.amazon.nova-micro-v1:0',
    ])
    expect(endpoints.bedrock.availableRegions).toEqual(['eu-central-1'])
    expect(endpoints.bedrock.titleModel).toBe('eu.anthropic.claude-haiku-4-5-20251001-v1:0')
    expect([endpoints.bedrock.titleTiming, endpoints.agents.titleTiming]).toEqual(['final', 'final'])
    expect(modelSpecs.list.map((spec: { preset: { model: string } }) => spec.preset.model)).toEqual(
      endpoints.bedrock.models,
    )
    expect(modelSpecs.list.filter((spec: { default?: boolean }) => spec.default)).toEqual([
      expect.objectContaining({ label: 'Claude Sonnet 5' }),
    ])
  })

  it('offers no capability that calls a third party or a service that a lab does not run', async () => {
    const given = parse(librechatYaml(await settingsOf('open')))
    const { endpoints, interface: shown } = configSchema.strict().parse(given)
    const unwanted = ['execute_code', 'file_search', 'web_search', 'memory']
    expect(new Set(endpoints?.agents?.capabilities)).toEqual(
      new Set(defaultAgentCapabilities.filter((one) => !unwanted.includes(one))),
    )
    expect(shown).toMatchObject({ runCode: false, webSearch: false, fileSearch: false })
    expect(given.includedTools).toEqual(['calculator'])
  })

  it('limits the length of each answer in its preset, to what was chosen or to 8192 tokens', () => {
    const presets = (maxTokens?: number) =>
      parse(librechatYaml({ region: 'r', models: [{ id: 'x', label: 'X' }], maxTokens })).modelSpecs.list[0]
        .preset
    expect(presets()).toEqual({ endpoint: 'bedrock', model: 'x', maxTokens: 8192 })
    expect(presets(16_000)).toEqual({ endpoint: 'bedrock', model: 'x', maxTokens: 16_000 })
  })

  it('tells two routes to one model apart', () => {
    const { modelSpecs } = parse(
      librechatYaml({
        region: 'us-east-1',
        models: [
          { id: 'us.a', label: 'A' },
          { id: 'global.a', label: 'A' },
          { id: 'b', label: 'B' },
        ],
      }),
    )
    expect(modelSpecs.list.map((spec: { label: string }) => spec.label)).toEqual([
      'A (us.a)',
      'A (global.a)',
      'B',
    ])
  })

  it('carries any label through YAML as it is', () => {
    const label = `a: "b" #c\n- d'{{ssm:x}} 模型 \${HOME} no`
    const { modelSpecs } = parse(librechatYaml({ region: 'r', models: [{ id: 'x', label }] }))
    expect(modelSpecs.list[0].label).toBe(label)
  })
})
