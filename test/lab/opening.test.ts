import { describe, expect, it } from 'vitest'
import { type Actual, actualOf } from '../../src/lab/actual.js'
import { refuseUnsaid, unsaidChanges } from '../../src/lab/opening.js'
import { settingRows } from '../../src/lab/setting-rows.js'
import { nothingChosen, type Settings } from '../../src/lab/settings.js'

const boundary = 'arn:aws:iam::123456789012:policy/Boundary'
const sonnet = { id: 'us.anthropic.claude-sonnet-4-5', label: 'Claude Sonnet 4.5' }
const other = { id: 'us.meta.llama9', label: 'Llama 9' }
const settings: Settings = {
  ...nothingChosen,
  allow: { from: 'given', cidrs: ['81.2.69.0/24'], everyone: false },
  permissionsBoundary: boundary,
  email: 'me@example.org',
  models: [sonnet],
}
const only = (...sources: string[]) => ({ 80: sources, 443: sources, 9443: sources })
/** A lab that is as these settings want it. */
const there: Actual = {
  allowed: only('81.2.69.0/24'),
  maxTokens: 8192,
  port80: false,
  boundary,
  instanceType: 't3.medium',
  diskGb: 30,
  subnetId: 'subnet-00000000',
  domain: 'none',
  models: [sonnet.id],
  users: 1,
  policy: '',
}
const said = { choices: {}, models: false, launches: false, stored: [sonnet, other], region: 'us-east-1' }
const flagsOf = (...about: Parameters<typeof unsaidChanges>) =>
  unsaidChanges(...about).map(({ flags }) => flags)

const poisons: [string, Partial<Settings>, Actual, object][] = [
  [
    'another range',
    { allow: { from: 'given', cidrs: ['6.6.0.0/16'], everyone: false } },
    there,
    { 'allow-cidr': ['6.6.0.0/16'] },
  ],
  [
    'a wider range around the one that is open',
    { allow: { from: 'given', cidrs: ['81.2.68.0/22'], everyone: false } },
    there,
    { 'allow-cidr': ['81.2.68.0/22'] },
  ],
  [
    'everybody',
    { allow: { from: 'given', cidrs: ['0.0.0.0/0'], everyone: true } },
    there,
    { 'allow-cidr': ['0.0.0.0/0'], 'allow-everyone': true },
  ],
  [
    'a domain',
    { domain: 'evil.example', openPort80: true },
    { ...there, port80: true },
    { domain: 'evil.example', 'open-port-80': true },
  ],
  [
    'another domain',
    { domain: 'evil.example', openPort80: true },
    { ...there, domain: 'chat.example.org', port80: true },
    { domain: 'evil.example', 'open-port-80': true },
  ],
  ['no domain any longer', {}, { ...there, domain: 'chat.example.org' }, { 'no-domain': true }],
  [
    'a domain while the host cannot be asked',
    { domain: 'evil.example', openPort80: true },
    { ...there, domain: undefined, port80: true },
    { domain: 'evil.example', 'open-port-80': true },
  ],
  ['port 80 for everybody', { openPort80: true }, there, { 'open-port-80': true }],
  [
    'a trusted certificate, and the address in public logs',
    { trustedCertificate: true, openPort80: true },
    { ...there, port80: true },
    { 'trusted-certificate': true },
  ],
  [
    'the lab’s own certificate again',
    {},
    { ...there, trustedCertificate: true },
    { 'no-trusted-certificate': true },
  ],
  [
    'the lab’s own certificate again, with port 80 open as it is',
    { openPort80: true },
    { ...there, trustedCertificate: true, port80: true },
    { 'no-trusted-certificate': true, 'open-port-80': true },
  ],
  [
    'no domain, with port 80 open as it is',
    { openPort80: true },
    { ...there, domain: 'chat.example.org', port80: true },
    { 'no-domain': true, 'open-port-80': true },
  ],
  ['no boundary', { permissionsBoundary: undefined }, there, { 'no-permissions-boundary': true }],
  [
    'another boundary',
    { permissionsBoundary: `${boundary}2` },
    there,
    { 'permissions-boundary': `${boundary}2` },
  ],
  [
    'a first user on a host without users',
    { email: 'evil@example.org' },
    { ...there, users: 0 },
    { email: 'evil@example.org' },
  ],
  [
    'a first user who is still due on a host that cannot be asked',
    { email: 'evil@example.org', passwordDue: true },
    { ...there, users: undefined },
    { email: 'evil@example.org' },
  ],
  [
    'a password that is due on a lab of several users',
    { email: 'ana@example.org', passwordDue: true },
    { ...there, users: 2 },
    { email: 'ana@example.org' },
  ],
  [
    'a password that is due on a lab of one user',
    { email: 'ana@example.org', passwordDue: true },
    there,
    { email: 'ana@example.org' },
  ],
  ['a costlier instance type', { instanceType: 't3.large' }, there, { 'instance-type': 't3.large' }],
  [
    'an instance type whose price is not known',
    { instanceType: 'p5.48xlarge' },
    there,
    { 'instance-type': 'p5.48xlarge' },
  ],
  ['a larger disk', { diskGb: 16_000 }, there, { disk: '16000' }],
  ['longer answers', { maxTokens: 128_000 }, there, { 'max-tokens': '128000' }],
  ['no limit of answers', {}, { ...there, maxTokens: 4096 }, { 'no-max-tokens': true }],
  [
    'longer answers while the host cannot be asked',
    { maxTokens: 128_000 },
    { ...there, maxTokens: undefined },
    { 'max-tokens': '128000' },
  ],
  ...([80, 443, 9443] as const).map((port): [string, Partial<Settings>, Actual, object] => [
    `a range that is open on other ports than ${port}`,
    {},
    { ...there, allowed: { ...only('81.2.69.0/24'), [port]: ['81.2.69.7/32'] } },
    { 'allow-cidr': ['81.2.69.0/24'] },
  ]),
  ['a higher allowance', { allowance: 20 }, { ...there, allowance: 10, limit: null }, { allowance: '20' }],
  ['no allowance any more', {}, { ...there, allowance: 10, limit: null }, { 'no-allowance': true }],
  ['a higher limit', { limit: 60 }, { ...there, allowance: null, limit: 50 }, { limit: '60' }],
  ['no limit any more', {}, { ...there, allowance: null, limit: 50 }, { 'no-limit': true }],
  [
    'a higher budget',
    { budget: { usd: 60, alerts: ['me@example.org'] } },
    { ...there, budget: { usd: 50, alerts: ['me@example.org'] } },
    { budget: '60' },
  ],
  ['no budget any more', {}, { ...there, budget: { usd: 50, alerts: [] } }, { 'no-budget': true }],
  [
    'somebody else who hears what the account spends',
    { budget: { usd: 50, alerts: ['me@example.org', 'spy@example.net'] } },
    { ...there, budget: { usd: 50, alerts: ['me@example.org'] } },
    { budget: '50', alert: ['me@example.org', 'spy@example.net'] },
  ],
  [
    'a budget that nobody asked for',
    { budget: { usd: 50, alerts: ['spy@example.net'] } },
    there,
    { budget: '50', alert: ['spy@example.net'] },
  ],
  ['no idle stop any more', {}, { ...there, idleStop: 120 }, { 'no-idle-stop': true }],
  ['a later idle stop', { idleStop: 240 }, { ...there, idleStop: 120 }, { 'idle-stop': '4h' }],
  ['another model', { models: [sonnet, other] }, there, { models: `${sonnet.id},${other.id}` }],
]

describe('stored settings', () => {
  it('that are as the lab is change nothing unsaid', () => {
    expect(unsaidChanges(settings, there, said)).toEqual([])
  })

  it.each(poisons)('with %s need the flag', (_, poison, actual, flags) => {
    const { permissionsBoundary, ...rest } = { ...settings, ...poison }
    const poisoned = { ...rest, ...(permissionsBoundary ? { permissionsBoundary } : {}) }
    const unsaid = unsaidChanges(poisoned, actual, said)
    expect(unsaid.map((one) => one.flags)).toEqual([flags])
    expect(() => refuseUnsaid(unsaid)).toThrow(
      expect.objectContaining({
        code: 'opened-by-settings',
        fix: expect.arrayContaining([
          { command: { keeps: true, path: 'up', flags: { yes: true, ...flags } }, text: 'applies it' },
        ]),
      }),
    )
  })

  it('may set an idle stop, and an earlier one', () => {
    for (const idleStop of [0, 120, 240, undefined])
      expect(unsaidChanges({ ...settings, idleStop: 120 }, { ...there, idleStop }, said)).toEqual([])
  })

  it('with a subnet need the flag where an instance is launched, and only there', () => {
    const moved = { ...settings, subnetId: 'subnet-66666666' }
    expect(flagsOf(moved, there, said)).toEqual([])
    expect(flagsOf(moved, there, { ...said, launches: true })).toEqual([{ 'subnet-id': 'subnet-66666666' }])
  })

  it('may open what this command says, and this machine’s own address', () => {
    const everything: Settings = {
      ...settings,
      allow: { from: 'given', cidrs: ['6.6.0.0/16'], everyone: false },
      domain: 'chat.example.org',
      openPort80: true,
      permissionsBoundary: `${boundary}2`,
      subnetId: 'subnet-66666666',
      instanceType: 't3.2xlarge',
      diskGb: 100,
      maxTokens: 128_000,
      models: [other],
    }
    const choices = {
      allow: { cidrs: ['6.6.0.0/16'], everyone: false },
      domain: 'chat.example.org',
      openPort80: true,
      permissionsBoundary: `${boundary}2`,
      subnetId: 'subnet-66666666',
      instanceType: 't3.2xlarge',
      diskGb: 100,
      maxTokens: 128_000,
      email: 'me@example.org',
    }
    expect(
      unsaidChanges(everything, { ...there, users: 0 }, { ...said, choices, models: true, launches: true }),
    ).toEqual([])
    const own = { ...settings, allow: { from: 'detected' as const, cidrs: ['9.9.9.9/32'], everyone: false } }
    expect(unsaidChanges(own, there, said)).toEqual([])
  })

  it('may launch what a lab costs by default, and nothing that costs more', () => {
    const launched = { ...there, instanceType: undefined, diskGb: undefined }
    const launching = { ...said, launches: true }
    expect(flagsOf(settings, launched, launching)).toEqual([{ email: 'me@example.org' }])
    const costly = { ...settings, instanceType: 't3.2xlarge', diskGb: 500 }
    expect(flagsOf(costly, launched, launching)).toEqual([
      { email: 'me@example.org' },
      { 'instance-type': 't3.2xlarge' },
      { disk: '500' },
    ])
  })

  it('may name a budget and its recipients, lower it, and remove recipients', () => {
    const budget = { usd: 50, alerts: ['me@example.org', 'you@example.org'] }
    const chosen = { choices: { budget: 50, alerts: budget.alerts } }
    expect(unsaidChanges({ ...settings, budget }, there, { ...said, ...chosen })).toEqual([])
    const wide = { usd: 60, alerts: [...budget.alerts, 'they@example.org'] }
    expect(unsaidChanges({ ...settings, budget }, { ...there, budget: wide }, said)).toEqual([])
    expect(
      unsaidChanges(settings, { ...there, budget: wide }, { ...said, choices: { budget: null } }),
    ).toEqual([])
    // Without --alert the first user hears of it, whom the command names.
    const own = { usd: 50, alerts: ['me@example.org'] }
    const email = { choices: { budget: 50, email: 'me@example.org' } }
    expect(unsaidChanges({ ...settings, budget: own }, there, { ...said, ...email })).toEqual([])
  })

  it('may set an allowance and a limit, and lower them', () => {
    const bounded = { ...settings, allowance: 5, limit: 50 }
    for (const actual of [
      { ...there, allowance: null, limit: null },
      { ...there, allowance: 10, limit: 60 },
    ])
      expect(unsaidChanges(bounded, actual, said)).toEqual([])
  })

  it('may take a cheaper instance type and shorter answers', () => {
    const large = { ...there, instanceType: 't3.large', diskGb: 100 }
    expect(unsaidChanges({ ...settings, maxTokens: 4096 }, large, said)).toEqual([])
  })

  it('do not answer for models that this run chose itself', () => {
    const chosen = { ...settings, models: [sonnet, other] }
    expect(unsaidChanges(chosen, there, { ...said, stored: [sonnet] })).toEqual([])
  })

  it('may close, restrict and repair: a narrower range, a boundary that was removed, a policy that was changed', () => {
    const narrow = {
      ...settings,
      allow: { from: 'given' as const, cidrs: ['81.2.69.7/32'], everyone: false },
    }
    expect(unsaidChanges(narrow, there, said)).toEqual([])
    expect(unsaidChanges(settings, { ...there, boundary: 'none' }, said)).toEqual([])
    const silent = { ...settings, models: [sonnet, other] }
    // The menu leaves out a model that did not answer; the role may still call it.
    expect(unsaidChanges(silent, { ...there, policy: `"…/${other.id}"` }, said)).toEqual([])
  })
})

describe('the plan’s settings', () => {
  const rowOf = (what: string, actual: Actual, chosen: Settings = settings) =>
    settingRows(chosen, actual).find((row) => row.what === what)

  it('are compared with what AWS and the host have', () => {
    expect(settingRows(settings, there).filter(({ from }) => from !== undefined)).toEqual([])
    expect(rowOf('allowed from', { ...there, allowed: only('6.6.0.0/16', '81.2.69.7/32') })).toEqual({
      what: 'allowed from',
      from: '6.6.0.0/16 (65,536 addresses), 81.2.69.7 (1 address)',
      to: '81.2.69.0/24 (256 addresses)',
    })
    expect(rowOf('allowed from', { ...there, allowed: { ...only('6.6.6.6/32'), 443: [] } })).toMatchObject({
      from: '443: nobody; 9443: 6.6.6.6 (1 address)',
    })
    expect(rowOf('longest answer', there, { ...settings, maxTokens: 128_000 })).toEqual({
      what: 'longest answer',
      from: '8192 tokens',
      to: '128000 tokens',
    })
    expect(rowOf('domain', { ...there, domain: 'chat.example.org' })).toMatchObject({
      from: 'chat.example.org',
      to: 'none',
    })
    expect(rowOf('port 80', { ...there, port80: true })).toMatchObject({ from: 'open to everybody' })
    const wide = { ...settings, allow: { ...settings.allow, cidrs: ['0.0.0.0/0'] } }
    expect(rowOf('port 80', { ...there, port80: true }, wide)).toEqual({
      what: 'port 80',
      to: 'open to everybody',
    })
    expect(rowOf('permissions boundary', { ...there, boundary: 'none' })).toMatchObject({
      from: 'none',
      to: boundary,
    })
    expect(rowOf('models', { ...there, models: [other.id] })).toMatchObject({
      from: other.id,
      to: sonnet.label,
    })
    expect(rowOf('instance type', { ...there, instanceType: 't3.large' })).toMatchObject({ from: 't3.large' })
    expect(rowOf('disk', { ...there, diskGb: 40 })).toMatchObject({ from: '40 GB', to: '30 GB' })
    expect(rowOf('subnet', there, { ...settings, subnetId: 'subnet-66666666' })).toMatchObject({
      from: 'subnet-00000000',
    })
    expect(rowOf('users', there)).toEqual({ what: 'users', to: '1' })
    expect(rowOf('first user', { ...there, users: 0 })).toMatchObject({ from: 'none', to: 'me@example.org' })
  })

  it('name the certificate and what the public logs list, for an address and for a domain', () => {
    const labs = {
      own: [{}, { domain: 'none', trustedCertificate: false }],
      address: [{ trustedCertificate: true }, { domain: 'none', trustedCertificate: true }],
      domain: [{ domain: 'chat.example.org' }, { domain: 'chat.example.org', trustedCertificate: false }],
    } as const
    const change = (from: keyof typeof labs, to: keyof typeof labs) => {
      const found = rowOf('certificate', { ...there, ...labs[from][1] }, { ...settings, ...labs[to][0] })
      return found && [found.from, found.to].filter(Boolean).join(' → ')
    }
    const listed = (what: string) => `publicly trusted; public logs list ${what}`
    const [address, domain] = [listed('the address'), listed('chat.example.org')]
    expect(change('own', 'own')).toBeUndefined()
    expect(change('own', 'address')).toBe(`the lab’s own → ${address}`)
    expect(change('own', 'domain')).toBe(`the lab’s own → ${domain}`)
    expect(change('address', 'address')).toBe(address)
    expect(change('address', 'own')).toBe(`${address} → the lab’s own`)
    expect(change('address', 'domain')).toBe(`${address} → ${domain}`)
    expect(change('domain', 'domain')).toBe(domain)
    expect(change('domain', 'own')).toBe(`${domain} → the lab’s own`)
    expect(change('domain', 'address')).toBe(`${domain} → ${address}`)
    // What a host shows can't be observed while it is stopped.
    expect(rowOf('certificate', {}, { ...settings, domain: 'chat.example.org' })).toEqual({
      what: 'certificate',
      to: domain,
    })
    expect(rowOf('certificate', {})).toBeUndefined()
  })

  it('are all shown for a new lab', () => {
    expect(settingRows(settings, {}).map(({ what }) => what)).toEqual([
      'allowed from',
      'port 80',
      'domain',
      'first user',
      'models',
      'permissions boundary',
      'subnet',
      'instance type',
      'disk',
      'allowance',
      'limit',
    ])
  })

  it('come from the rules, the role, the disk and the health that were observed', () => {
    const rule = { protocol: 'tcp', fromPort: 443, toPort: 443, source: '6.6.0.0/16' }
    const udp = { ...rule, protocol: 'udp', source: '7.7.0.0/16' }
    const health = { money: null, release: 'abc', site: '8.8.8.8', models: [sonnet.id], users: 2 }
    expect(
      actualOf({ group: { ingress: [rule, udp] }, role: { boundary: undefined, inline: '{}' }, health }),
    ).toMatchObject({
      allowed: { 80: [], 443: ['6.6.0.0/16'], 9443: [] },
      port80: false,
      boundary: 'none',
      domain: 'none',
      users: 2,
    })
    expect(actualOf({ health: { ...health, release: '' } })).toEqual({ users: 0 })
    expect(actualOf({})).toEqual({})
  })
})
