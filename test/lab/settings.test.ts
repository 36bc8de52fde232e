import { describe, expect, it } from 'vitest'
import { checkedChoices, settingsFrom } from '../../src/lab/choices.js'
import { checkedName } from '../../src/lab/names.js'
import {
  describeSettingsChange,
  formatSettings,
  nothingChosen,
  parseSettings,
  type Settings,
} from '../../src/lab/settings.js'

const settings: Settings = {
  ...nothingChosen,
  generation: '0a1b2c3d',
  allow: { from: 'detected', cidrs: ['8.8.8.8/32'], everyone: false },
  models: [{ id: 'us.anthropic.claude-sonnet-4-5-20250929-v1:0', label: 'Claude Sonnet 4.5' }],
}
const tooLong = `${'a'.repeat(300)}.org`
const codeOf = (act: () => unknown) => {
  try {
    act()
    return 'taken'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('the stored settings', () => {
  it('come back as they were', () => {
    expect(parseSettings(formatSettings(settings), 'p')).toEqual(settings)
  })

  it.each([
    ['not JSON', 'hello'],
    ['null', 'null'],
    ['an unknown field', JSON.stringify({ ...settings, runs: 'rm -rf /' })],
    ['a later version', JSON.stringify({ ...settings, version: 2 })],
    [
      'everybody let in without the word',
      JSON.stringify({ ...settings, allow: { ...settings.allow, cidrs: ['0.0.0.0/0'] } }),
    ],
    [
      'a private range',
      JSON.stringify({ ...settings, allow: { ...settings.allow, cidrs: ['10.0.0.1/32'] } }),
    ],
    ['a type with a command in it', JSON.stringify({ ...settings, instanceType: 't3.$(id)' })],
    [
      'a label with an escape sequence',
      JSON.stringify({ ...settings, models: [{ id: 'a', label: '\u001b[2J' }] }),
    ],
    ['a domain with a newline', JSON.stringify({ ...settings, domain: 'a.example\nb' })],
    ['a domain that is an address', JSON.stringify({ ...settings, domain: '8.8.8.8' })],
    ['an ARN of something else', JSON.stringify({ ...settings, profileArns: ['arn:aws:s3:::bucket'] })],
    ['everything, as a resource', JSON.stringify({ ...settings, profileArns: ['*'] })],
    ['a disk for a data centre', JSON.stringify({ ...settings, diskGb: 1e9 })],
  ])('are refused when they hold %s', (_, text) => {
    expect(codeOf(() => parseSettings(text, 'p'))).toBe('bad-settings')
  })

  it('tell their differences in words', () => {
    const later = formatSettings({ ...settings, diskGb: 50, email: 'me@example.org' })
    expect(describeSettingsChange(formatSettings(settings), later)).toEqual([
      { what: 'disk (GB)', from: '30', to: '50' },
      { what: 'first user', from: 'none', to: 'me@example.org' },
    ])
  })
})

describe('choices', () => {
  it('that the settings cannot hold are refused before anything is made', () => {
    const id = (n: number) => `global.anthropic.claude-sonnet-4-5-20250929-v${n}:0`
    const menu = (count: number) => ({
      models: Array.from({ length: count }, (_, n) => ({ id: id(n), label: `Claude Sonnet 4.5 no. ${n}` })),
      profileArns: Array.from(
        { length: count },
        (_, n) => `arn:aws:bedrock:us-east-1:123456789012:inference-profile/${id(n)}`,
      ),
    })
    const made = (count: number) =>
      settingsFrom({ stored: settings, choices: {}, detected: '8.8.8.8', chat: menu(count), generation: 'x' })
    expect(made(10).models).toHaveLength(10)
    expect(codeOf(() => made(30))).toBe('too-much-chosen')
  })

  const chat = { models: settings.models, profileArns: [] }
  const from = (flags: Parameters<typeof checkedChoices>[0], stored: Settings | undefined = undefined) =>
    settingsFrom({
      stored,
      choices: checkedChoices(flags),
      detected: '9.9.9.9',
      chat,
      generation: '00000001',
    })

  it('take tags as typed, kept by a later run, and replaced as a whole', () => {
    const first = from({ tag: ['CostCenter=1234', 'Owner=me@example.org', 'Empty=', 'Équipe=a=b'] })
    const tags = { CostCenter: '1234', Owner: 'me@example.org', Empty: '', Équipe: 'a=b' }
    expect(first.tags).toEqual(tags)
    expect(from({}, first).tags).toEqual(tags)
    expect(from({ tag: ['Owner=you'] }, first).tags).toEqual({ Owner: 'you' })
  })

  it('have defaults', () => {
    expect(from({})).toMatchObject({
      instanceType: 't3.medium',
      diskGb: 30,
      userData: false,
      openPort80: false,
    })
    expect(from({}).allow).toEqual({ from: 'detected', cidrs: ['9.9.9.9/32'], everyone: false })
  })

  it('keep what was chosen before and say only what is new', () => {
    const before = from({
      instanceType: 't3.large',
      disk: '40',
      allowCidr: ['8.8.8.0/24'],
      email: 'Me@Example.org',
    })
    const after = from({ disk: '60' }, before)
    expect(after).toEqual({ ...before, diskGb: 60 })
    expect(after.email).toBe('me@example.org')
  })

  it('follow the person’s address when it was found out, and go back to that', () => {
    expect(from({}, settings).allow.cidrs).toEqual(['9.9.9.9/32'])
    const given = from({ allowCidr: ['8.8.8.8'] }, settings)
    expect(from({}, given).allow.cidrs).toEqual(['8.8.8.8/32'])
    expect(from({ allowCidr: ['detect'] }, given).allow.cidrs).toEqual(['9.9.9.9/32'])
  })

  it('want port 80 opened expressly for a domain', () => {
    expect(codeOf(() => from({ domain: 'chat.example.org' }))).toBe('needs-port-80')
    const open = from({ domain: 'Chat.Example.org', openPort80: true })
    expect(open).toMatchObject({ domain: 'chat.example.org', openPort80: true })
    const back = from({ domain: false }, open)
    expect(back.domain).toBeUndefined()
    expect(back.openPort80).toBe(false)
  })

  it.each([
    [{ disk: '19' }, 'bad-disk'],
    [{ disk: '30GB' }, 'bad-disk'],
    [{ disk: '1e3' }, 'bad-disk'],
    [{ instanceType: 'big' }, 'bad-instance-type'],
    [{ email: 'me' }, 'bad-email'],
    [{ email: '"$(id)"@example.org' }, 'bad-email'],
    [{ domain: 'localhost' }, 'bad-domain'],
    [{ domain: tooLong }, 'bad-domain'],
    [{ subnetId: 'subnet-x' }, 'bad-subnet-id'],
    [{ permissionsBoundary: 'MyPolicy' }, 'bad-permissions-boundary'],
    [{ tag: ['Team'] }, 'bad-tag'],
    [{ tag: ['=x'] }, 'bad-tag'],
    [{ tag: ['aws:team=x'] }, 'bad-tag'],
    [{ tag: ['AWS:team=x'] }, 'bad-tag'],
    [{ tag: ['team=aws:x'] }, 'bad-tag'],
    [{ tag: ['librechat-lab:name=x'] }, 'bad-tag'],
    [{ tag: ['Name=x'] }, 'bad-tag'],
    [{ tag: [`${'k'.repeat(129)}=x`] }, 'bad-tag'],
    [{ tag: [`k=${'v'.repeat(257)}`] }, 'bad-tag'],
    [{ tag: ['k=$(id)'] }, 'bad-tag'],
    [{ tag: ['k=a\nb'] }, 'bad-tag'],
    [{ tag: ['Team=a', 'team=b'] }, 'bad-tag'],
    [{ tag: Array.from({ length: 41 }, (_, i) => `k${i}=v`) }, 'bad-tag'],
    [{ allowEveryone: true }, 'bad-cidr'],
  ])('%.60j is refused as %s', (flags, code) => expect(codeOf(() => from(flags))).toBe(code))
})

describe('a lab’s name', () => {
  it.each(['default', 'a', 'team-a', 'x'.repeat(32)])('%s will do', (name) =>
    expect(checkedName(name)).toBe(name),
  )
  it.each(['', 'Team', '-a', 'a-', '1a', 'a b', 'a/b', 'é', '$(id)', 'a\nb', 'x'.repeat(33)])(
    '%j is refused',
    (name) => expect(codeOf(() => checkedName(name))).toBe('bad-name'),
  )
})
