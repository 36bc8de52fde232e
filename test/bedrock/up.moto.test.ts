import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { parse } from 'yaml'
import { type Account, openAccount } from '../support/account.js'
import { newHome, run } from '../support/cli.js'
import type { AccountKind } from '../support/gateway/bedrock.js'
import { lab, only } from '../support/lab.js'
import { describeAws } from '../support/moto.js'

const PUT_FORM = 'POST /use-case-for-model-access'
const ACCEPT = 'POST /create-foundation-model-agreement'

const form = {
  companyName: 'Example',
  companyWebsite: 'https://example.com',
  intendedUsers: '0',
  industryOption: 'Education',
  useCases: 'A private chat for a team of five.',
}

function fileWith(text: string): string {
  const path = join(newHome(), 'form.json')
  writeFileSync(path, text)
  return path
}

describeAws('up on accounts of every kind', (moto) => {
  let account: Account | undefined
  afterEach(() => account?.close())

  const opened = async (bedrock: AccountKind): Promise<Account> => {
    account = await openAccount(moto(), { bedrock })
    return account
  }
  const changing = (of: Account) => of.calls.filter((call) => call.changing)
  const legal = (of: Account) =>
    changing(of).flatMap(({ service, action }) => (service === 'bedrock' ? action : []))
  /** The models' names, as the lab's settings hold them. */
  const menu = async (of: Account): Promise<string[]> => {
    const models: { id: string; label?: string }[] = (await lab(of)).spec?.models ?? []
    return models.map(({ label }) => label ?? '')
  }

  it.each([
    ['open', 'us.anthropic.claude-sonnet-5'],
    ['profile-only', 'us.anthropic.claude-sonnet-5'],
    ['unknown-fields', 'us.anthropic.claude-sonnet-5'],
    ['throttled', 'us.anthropic.claude-sonnet-5'],
    ['no-claude', 'us.amazon.nova-2-lite-v1:0'],
    ['legacy', 'us.amazon.nova-2-lite-v1:0'],
    ['form-missing', 'us.amazon.nova-2-lite-v1:0'],
    ['licence-missing', 'us.amazon.nova-2-lite-v1:0'],
  ] as const)('plans, on one of kind %s, a menu with %s, and changes nothing', async (kind, model) => {
    const of = await opened(kind)
    const ended = await run(of, ['up', '--dry-run', '--json'])
    expect(ended.code).toBe(0)
    const { spec } = ended.json<{ spec: { models: { id: string }[]; defaultModel: string } }>()
    expect(spec.models.map(({ id }) => id)).toContain(model)
    expect(spec.defaultModel).toBe(spec.models[0]?.id)
    expect(changing(of)).toEqual([])
  })

  it.each(['not-authorised', 'empty', 'denied'] as const)(
    'stops, on one of kind %s, before anything is made, and says what to do',
    async (kind) => {
      const of = await opened(kind)
      const ended = await run(of, ['up', '--yes'])
      expect(ended.code).toBe(1)
      expect(ended.stderr).toContain(kind === 'denied' ? 'Allow bedrock:' : '--without-chat')
      expect(changing(of)).toEqual([])
    },
  )

  it('goes on without chat when asked to, with a role that has no profile to call', async () => {
    const of = await opened('not-authorised')
    const ended = await run(of, ['up', '--dry-run', '--json', '--without-chat'])
    expect(ended.code).toBe(0)
    expect(ended.json().spec).toMatchObject({ models: [], profileArns: [] })
  })

  it('changes menu and policy together when other models are named', async () => {
    const of = await opened('open')
    expect(await run(of, ['up', '--yes'])).toMatchObject({ code: 0 })
    of.forget()
    const ended = await run(of, ['up', '--yes', '--models', 'nova-pro,global.anthropic.claude-opus-5'])
    expect(ended).toMatchObject({ code: 0 })
    const found = await lab(of)
    const yaml = of.hosts.of(only(found.instances).InstanceId ?? '').input.get('librechat.yaml')
    expect(parse(String(yaml)).endpoints.bedrock.models).toEqual([
      'amazon.nova-pro-v1:0',
      'global.anthropic.claude-opus-5',
    ])
    const statements = Object.values(found.role?.inline ?? {}).flatMap(
      (document) => (document as { Statement: { Sid: string; Resource: unknown }[] }).Statement,
    )
    expect(statements.find(({ Sid }) => Sid === 'ChosenProfiles')?.Resource).toEqual([
      'arn:aws:bedrock:::foundation-model/anthropic.claude-opus-5',
      `arn:aws:bedrock:us-east-1:${of.id}:inference-profile/global.anthropic.claude-opus-5`,
    ])
    expect(legal(of)).toEqual([])
  })

  const claude = ['Claude Sonnet 5', 'Claude Opus 5', 'Claude Haiku 4.5']
  it.each([
    ['--yes alone, licences missing', 'licence-missing', ['--yes'], []],
    ['--yes alone, the form missing', 'form-missing', ['--yes'], []],
    ['licences accepted', 'licence-missing', ['--yes', '--accept-licences'], [ACCEPT, ACCEPT, ACCEPT]],
    ['licences accepted, but no form', 'form-missing', ['--yes', '--accept-licences'], []],
    ['a form, but no licence accepted', 'form-missing', ['--yes', '--use-case-file', 'FORM'], [PUT_FORM]],
    [
      'a form and licences accepted',
      'form-missing',
      ['--yes', '--use-case-file', 'FORM', '--accept-licences'],
      [PUT_FORM, ACCEPT, ACCEPT, ACCEPT],
    ],
  ] as const)('sends only what had its own yes: %s', async (_, kind, flags, sent) => {
    const of = await opened(kind)
    const given = flags.map((flag) => (flag === 'FORM' ? fileWith(JSON.stringify(form)) : flag))
    expect(await run(of, ['up', ...given])).toMatchObject({ code: 0 })
    expect(legal(of)).toEqual(sent)
    const hasClaude = (sent as readonly string[]).includes(ACCEPT)
    expect((await menu(of)).filter((name) => name.startsWith('Claude'))).toEqual(hasClaude ? claude : [])
  })

  it('sends nothing with --dry-run, whatever else was said', async () => {
    const of = await opened('form-missing')
    const file = fileWith(JSON.stringify(form))
    const ended = await run(of, ['up', '--dry-run', '--accept-licences', '--use-case-file', file])
    expect(ended.code).toBe(0)
    expect(changing(of)).toEqual([])
  })

  it.each([
    ['a named model lacks its form', 'form-missing', ['--models', 'claude-sonnet-5'], 'model-not-callable'],
    [
      'a named model lacks its licence',
      'licence-missing',
      ['--models', 'claude-sonnet-5'],
      'model-not-callable',
    ],
    ['a model is misspelt', 'open', ['--models', 'claude-sonett-5'], 'unknown-model'],
    ['the form is not filled in', 'form-missing', ['--use-case-file', 'EMPTY'], 'bad-use-case-file'],
  ] as const)('stops before anything is made or sent when %s', async (_, kind, flags, code) => {
    const of = await opened(kind)
    const given = flags.map((flag) => (flag === 'EMPTY' ? fileWith('{}') : flag))
    const ended = await run(of, ['up', '--yes', '--json', ...given])
    expect(ended.code).toBe(1)
    expect(ended.json()).toMatchObject({ error: { code } })
    expect(changing(of)).toEqual([])
  })

  const yamlOf = async (of: Account) => {
    const { InstanceId = '' } = only((await lab(of)).instances)
    return parse(String(of.hosts.of(InstanceId).input.get('librechat.yaml')))
  }
  const proofs = async (of: Account): Promise<number> => {
    const { InstanceId = '' } = only((await lab(of)).instances)
    return of.hosts.of(InstanceId).ran.filter((stage) => stage === 'chat').length
  }
  const labels = (yaml: { modelSpecs: { list: { label: string }[] } }): string[] =>
    yaml.modelSpecs.list.map(({ label }) => label)

  const nova = ['Nova 2 Lite', 'Nova Premier', 'Nova Pro', 'Nova Micro']

  it.each<[AccountKind, RegExp, readonly string[]]>([
    ['open', /Your LibreChat is ready\./, [...claude, ...nova]],
    ['data-shared', /Your LibreChat is ready\./, ['Claude Sonnet 5', 'Claude Fable 5.1']],
    ['retention-hidden', /Your LibreChat is ready\./, claude],
    ['few-apis', /Your LibreChat is ready\./, claude],
    ['small-quota', /ready with 4 of 7 models\.[\s\S]*token quota[\s\S]*--max-tokens/, nova],
    ['payment-at-call', /ready with 4 of 7 models\.[\s\S]*no valid payment method/, nova],
    ['payment', /Your LibreChat is ready\.[\s\S]*Not in the menu: Claude .*no valid payment method/, nova],
    ['unsupported-country', /ready with 4 of 7 models\.[\s\S]*does not serve Claude to the country/, nova],
    ['no-retention', /ready with 5 of 7 models\.[\s\S]*data retention mode is "none"/, ['Claude Haiku 4.5']],
    ['form-missing', /Your LibreChat is ready\.[\s\S]*Not in the menu: Claude .*use-case form/, nova],
    ['licence-stuck', /Not in the menu: Claude .*still setting it up/, nova],
  ])(
    'on one of kind %s ends with 0, says %s, and puts into the menu what answers',
    async (kind, words, models) => {
      const of = await opened(kind)
      const ended = await run(of, ['up', '--yes'])
      expect(ended.code, ended.stderr).toBe(0)
      expect(ended.stdout).toMatch(words)
      const shown = labels(await yamlOf(of))
      expect(shown).toEqual(expect.arrayContaining([...models]))
      if (models === nova) expect(shown).toEqual(nova)
      if (kind !== 'data-shared') expect(shown).not.toContain('Claude Fable 5.1')
      expect(legal(of)).toEqual([])
    },
  )

  it('ends with 2 and never says ready where no model answers, and with 0 once they do', async () => {
    const of = await opened('zero-quota')
    const first = await run(of, ['up', '--yes'])
    expect(first.code).toBe(2)
    expect(first.stdout).toMatch(/not ready: no model answers[\s\S]*token quota/)
    expect(first.stdout).not.toMatch(/is ready/)
    const second = await run(of, ['up', '--yes', '--json'])
    expect(second.code).toBe(2)
    expect(second.json()).toMatchObject({ changed: false, chatVerdict: 'notReady' })
    expect(await run(of, ['status', '--json'])).toMatchObject({ code: 2 })
    of.hosts.mood.refuses = () => undefined
    const third = await run(of, ['up', '--yes', '--json'])
    expect(third.code).toBe(0)
    expect(third.json()).toMatchObject({ changed: false, chatVerdict: 'ready', warnings: expect.any(Array) })
    expect(await run(of, ['status'])).toMatchObject({ code: 0 })
  })

  it('keeps the silent models in the settings, and brings them back into the menu when they answer', async () => {
    const of = await opened('payment-at-call')
    await run(of, ['up', '--yes'])
    expect(await menu(of)).toEqual(expect.arrayContaining(claude))
    expect(labels(await yamlOf(of))).toEqual(nova)
    expect((await yamlOf(of)).endpoints.bedrock.titleModel).toMatch(/nova/)
    // The menu is as the last proof makes it, so nothing is out of order.
    expect(await run(of, ['status'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/no valid payment method/),
    })
    of.hosts.mood.refuses = () => undefined
    expect(await run(of, ['up', '--yes'])).toMatchObject({ code: 0 })
    expect(labels(await yamlOf(of))).toEqual([...claude, ...nova])
  })

  it('asks for shorter answers with --max-tokens, in the proof and in the menu alike', async () => {
    const of = await opened('small-quota')
    await run(of, ['up', '--yes'])
    const ended = await run(of, ['up', '--yes', '--max-tokens', '4096'])
    expect(ended.stdout).toMatch(/Your LibreChat is ready\./)
    const yaml = await yamlOf(of)
    expect(labels(yaml)).toEqual(expect.arrayContaining(claude))
    expect(yaml.modelSpecs.list[0].preset.maxTokens).toBe(4096)
    // A title is asked without a limit, which Claude's small quota refuses and Nova's does not.
    expect(yaml.endpoints.bedrock.titleModel).toMatch(/nova/)
  })

  it.each(['1', '2047', '128001', '8k', '-1'])('refuses --max-tokens %s', async (tokens) => {
    const ended = await run(await opened('open'), ['up', '--yes', '--json', `--max-tokens=${tokens}`])
    expect(ended.json()).toMatchObject({ error: { code: 'bad-max-tokens' } })
  })

  it('repeats the proof when the last one is older than a day or was not green, and else shows it', async () => {
    const of = await opened('open')
    await run(of, ['up', '--yes'])
    expect(await proofs(of)).toBe(1)
    const again = await run(of, ['up', '--yes'])
    expect(again.stdout).toMatch(/No changes[\s\S]*412 ms/)
    expect(await run(of, ['status'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/412 ms/) })
    expect(await proofs(of)).toBe(1)
    const host = of.hosts.of(only((await lab(of)).instances).InstanceId ?? '')
    host.proof = { ...host.proof, at: new Date(Date.now() - 25 * 3_600_000).toISOString() }
    await run(of, ['up', '--yes'])
    expect(await proofs(of)).toBe(2)
    of.hosts.mood.silent = { 'amazon.nova-pro-v1:0': 'ThrottlingException: Too many requests' }
    host.proof = { ...host.proof, at: new Date(0).toISOString() }
    expect((await run(of, ['up', '--yes'])).stdout).toMatch(/6 of 7 models/)
    of.hosts.mood.silent = {}
    expect((await run(of, ['up', '--yes'])).stdout).toMatch(/Your LibreChat is ready\./)
  })

  it('says with --yes which models wait for the form, before the plan and in the JSON', async () => {
    const ended = await run(await opened('form-missing'), ['up', '--yes', '--json'])
    expect(ended.stderr).toMatch(/Not in the menu: Claude .*use-case form/)
    expect(ended.json<{ warnings: string[] }>().warnings.join()).toMatch(/use-case form.*--use-case-file/)
  })
})
