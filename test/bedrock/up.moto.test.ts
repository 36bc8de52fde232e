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
      expect(ended.stderr).toContain(kind === 'denied' ? 'Let this identity call' : '--without-chat')
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
})
