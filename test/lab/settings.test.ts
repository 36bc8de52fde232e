import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { LabError } from '../../src/core/error.js'
import { type ChoiceFlags, checkedChoices, settingsFrom } from '../../src/lab/choices.js'
import { checkedName } from '../../src/lab/names.js'
import { nothingChosen, type Settings, settingsVersion } from '../../src/lab/settings.js'
import { describeSettingsChange, formatSettings, parseSettings } from '../../src/lab/stored-settings.js'

const lab = { name: 'default', region: 'us-east-1', account: '123456789012', partition: 'aws' }
const sonnet = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'
const profile = (id: string) => `arn:aws:bedrock:us-east-1:123456789012:inference-profile/${id}`
const settings: Settings = {
  ...nothingChosen,
  generation: '0a1b2c3d',
  allow: { from: 'detected', cidrs: ['8.8.8.8/32'], everyone: false },
  models: [{ id: sonnet, label: 'Claude Sonnet 4.5' }],
  defaultModel: sonnet,
  profileArns: [profile(sonnet)],
}
/** Settings of so many models, each through a profile. */
const menu = (count: number, label = '') => {
  const ids = Array.from({ length: count }, (_, n) => `us.anthropic.claude-sonnet-4-5-20250929-v${n}:0`)
  return {
    models: ids.map((id, n) => ({ id, label: `Claude Sonnet 4.5 no. ${n}${label}` })),
    profileArns: ids.map(profile),
  }
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
    expect(parseSettings(formatSettings(settings, lab), 'p', lab)).toEqual(settings)
  })

  it.each([
    ['not JSON', 'hello'],
    ['null', 'null'],
    ['an unknown field', JSON.stringify({ ...settings, runs: 'rm -rf /' })],
    ['no version', JSON.stringify({ ...settings, version: undefined })],
    ['a version that is no number', JSON.stringify({ ...settings, version: '2' })],
    ['an unknown field in the old version', JSON.stringify({ ...settings, version: 1, runs: 'rm -rf /' })],
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
    expect(codeOf(() => parseSettings(text, 'p', lab))).toBe('bad-settings')
  })

  it('of a later version are refused with the way to read them', () => {
    const text = JSON.stringify({ ...settings, version: settingsVersion + 1, unheardOf: true })
    expect(() => parseSettings(text, 'p', lab)).toThrow(
      expect.objectContaining({
        code: 'bad-settings',
        message: expect.stringContaining(
          `version ${settingsVersion + 1}, and this librechat-lab reads up to version ${settingsVersion}`,
        ),
        fix: [{ run: 'npx librechat-lab@latest', text: 'runs the newest version' }],
      }),
    )
  })

  it('of version 0.1.0 are read, and differ from what this version stores by their format alone', () => {
    const text = readFileSync(new URL('settings-0.1.0.json', import.meta.url), 'utf8').trim()
    const read = parseSettings(text, 'p', lab)
    expect(read).toEqual({ ...JSON.parse(text), version: settingsVersion })
    const stored = formatSettings(read, lab)
    expect(JSON.parse(stored)).toMatchObject({ version: settingsVersion })
    expect(stored.length).toBeLessThan(text.length * 0.7)
    expect(parseSettings(stored, 'p', lab)).toEqual(read)
    expect(describeSettingsChange(text, stored, lab)).toEqual([])
  })

  it('leave out the ARNs that follow from the models, and keep the others', () => {
    const other = 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123'
    const text = formatSettings({ ...settings, profileArns: [other, profile(sonnet)] }, lab)
    expect(text).toContain(other)
    expect(text).not.toContain(':inference-profile/')
    expect(parseSettings(text, 'p', lab).profileArns).toEqual([other, profile(sonnet)].sort())
    const elsewhere = { ...lab, partition: 'aws-us-gov', region: 'us-gov-west-1' }
    const gov = { ...settings, models: [{ id: 'us-gov.anthropic.claude-x-v1:0', label: 'X' }] }
    expect(
      parseSettings(formatSettings({ ...gov, profileArns: [] }, elsewhere), 'p', elsewhere),
    ).toMatchObject({
      profileArns: [
        'arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/us-gov.anthropic.claude-x-v1:0',
      ],
    })
  })

  it('tell their differences in words', () => {
    const later = formatSettings({ ...settings, diskGb: 50, email: 'me@example.org' }, lab)
    expect(describeSettingsChange(formatSettings(settings, lab), later, lab)).toEqual([
      { what: 'disk (GB)', from: '30', to: '50' },
      { what: 'first user', from: 'none', to: 'me@example.org' },
    ])
  })
})

describe('choices', () => {
  it('that the settings cannot hold are refused before anything is made', () => {
    const made = (count: number, label = '') =>
      settingsFrom({
        stored: settings,
        choices: {},
        detected: '8.8.8.8',
        chat: menu(count, label),
        generation: '0a1b2c3d',
        lab,
      })
    // The twenty that fitted into 0.1.0's format leave 1,500 bytes for the fields to come.
    expect(Buffer.byteLength(formatSettings(made(20), lab))).toBeLessThan(2_600)
    const ranges = Array.from({ length: 19 }, (_, n) => `81.${n}.69.128/25`)
    const full = { ...made(20), allow: { from: 'given' as const, cidrs: ranges, everyone: false } }
    expect(Buffer.byteLength(formatSettings(full, lab))).toBeLessThan(3_000)
    expect(codeOf(() => made(40, ', which has a long name'))).toBe('too-much-chosen')
  })

  const chat = { models: settings.models, profileArns: [] }
  const from = (flags: Parameters<typeof checkedChoices>[0], stored: Settings | undefined = undefined) =>
    settingsFrom({
      stored,
      choices: checkedChoices(flags),
      detected: '9.9.9.9',
      chat,
      generation: '00000001',
      lab,
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
      userData: true,
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

  it('follow the user’s address when it was found out, and go back to that', () => {
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

  it('open port 80 with a trusted certificate, and close it with the lab’s own', () => {
    const trusted = from({ trustedCertificate: true })
    expect(trusted).toMatchObject({ trustedCertificate: true, openPort80: true })
    expect(from({}, trusted)).toMatchObject({ trustedCertificate: true, openPort80: true })
    expect(codeOf(() => from({ openPort80: false }, trusted))).toBe('needs-port-80')
    const back = from({ trustedCertificate: false }, trusted)
    expect(back.trustedCertificate).toBeUndefined()
    expect(back.openPort80).toBe(false)
  })

  it('close port 80 with the flags that ask for the lab’s own certificate, whatever opened it', () => {
    const open = from({ openPort80: true })
    for (const before of [open, from({ trustedCertificate: true }, open)]) {
      expect(from({ trustedCertificate: false }, before).openPort80).toBe(false)
      expect(from({ trustedCertificate: false, openPort80: true }, before).openPort80).toBe(true)
    }
    expect(from({ domain: false }, open).openPort80).toBe(false)
  })

  it('keep port 80 open for the certificate that stays', () => {
    const trusted = from({ trustedCertificate: true })
    expect(from({ domain: false }, trusted)).toEqual(trusted)
    const named = from({ domain: 'chat.example.org', openPort80: true })
    expect(from({ trustedCertificate: false }, named)).toEqual(named)
    expect(from({ domain: 'chat.example.org', trustedCertificate: false }, trusted)).toEqual(named)
  })

  it('are refused with advice about the flags that were given', () => {
    const named = from({ domain: 'chat.example.org', openPort80: true })
    const fixOf = (flags: ChoiceFlags, stored?: Settings) => {
      try {
        from(flags, stored)
      } catch (error) {
        return (error as LabError).fix
      }
    }
    expect(fixOf({ domain: 'chat.example.org' })).toEqual([
      'Add --open-port-80',
      'Or leave --domain out to keep the lab’s own certificate',
    ])
    expect(fixOf({ openPort80: false }, named)).toEqual([
      'Leave --no-open-port-80 out',
      expect.objectContaining({ command: { keeps: true, path: 'up', flags: { 'no-domain': true } } }),
    ])
  })

  it('have a trusted certificate for the address or a domain, not both', () => {
    const domain = { domain: 'chat.example.org', openPort80: true }
    expect(codeOf(() => from({ ...domain, trustedCertificate: true }))).toBe('two-certificates')
    expect(codeOf(() => from({ trustedCertificate: true }, from(domain)))).toBe('two-certificates')
    expect(from({ domain: false, trustedCertificate: true }, from(domain))).toMatchObject({
      trustedCertificate: true,
      openPort80: true,
    })
    const named = from({ domain: 'chat.example.org' }, from({ trustedCertificate: true }))
    expect(named.trustedCertificate).toBeUndefined()
    expect(named).toMatchObject(domain)
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
