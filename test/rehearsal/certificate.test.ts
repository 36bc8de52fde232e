import { describe, expect, it } from 'vitest'
import { account } from './in-process.js'

const named = '--domain chat.example.org --open-port-80'

describe('a lab with a domain', () => {
  it('has Portainer at its address wherever a page is named, because HSTS covers every port of the domain', async () => {
    const { run } = account()
    const made = await run(`up --yes ${named}`)
    expect(made.code, made.stderr).toBe(0)
    expect(made.stdout).toMatch(
      /LibreChat +https:\/\/chat\.example\.org\n +Portainer +https:\/\/203\.0\.113\.10:9443\n/,
    )
    expect((await run('status')).stdout).toMatch(/Portainer .* https:\/\/203\.0\.113\.10:9443\n/)
    for (const line of ['up --yes --json', 'status --json', 'start --json']) {
      const { librechat, portainer } = JSON.parse((await run(line)).stdout).urls
      expect([line, librechat, portainer]).toEqual([
        line,
        'https://chat.example.org',
        'https://203.0.113.10:9443',
      ])
    }
    expect(JSON.parse((await run('open --json')).stdout).url).toBe('https://chat.example.org')
    expect(JSON.parse((await run('open portainer --json')).stdout).url).toBe('https://203.0.113.10:9443')
  })

  it('shows in the plan which name or address the public logs list', async () => {
    const { run } = account()
    await run('up --yes --trusted-certificate')
    expect((await run('up --dry-run --domain chat.example.org')).stdout).toMatch(
      /~ certificate +publicly trusted; public logs list the address → publicly trusted; public logs list chat\.example\.org\n/,
    )
  })
})

it('status of a lab that has lost its address names no page', async () => {
  const { run, change } = account()
  await run('up --yes')
  change(({ regions }) => {
    for (const region of Object.values(regions)) region.addresses = {}
  })
  const { stdout, stderr } = await run('status')
  expect(stdout, stderr).not.toMatch(/https:\/\/(:9443)?$/m)
  expect(JSON.parse((await run('status --json')).stdout).urls).toBeNull()
})

describe('the summary', () => {
  it('says of which certificate the browser warns', async () => {
    const { run } = account()
    const accept = '\n  Accept it only where the browser shows this SHA-256 fingerprint:\n'
    const portainers = `Portainer’s certificate is its own, so the browser warns of it.${accept}`
    const own = await run('up --yes')
    expect(own.stdout).toContain('LibreChat’s certificate is the lab’s own, so the browser warns of it.')
    expect(own.stdout).toContain(portainers)
    const printed = (text: string) => text.match(/(?:[\dA-F]{2}:){15}[\dA-F]{2}/g)
    const { ownCertificate, portainerCertificate } = JSON.parse((await run('status --json')).stdout).health
    const both = [ownCertificate, portainerCertificate].map(({ sha256 }) => sha256).join(':')
    expect(printed(own.stdout)?.join(':')).toBe(both)
    expect(printed((await run('status')).stdout)?.join(':')).toBe(both)
    const refused = await run('up --yes --trusted-certificate --scenario certificate-refused')
    expect(refused.stdout).toContain('LibreChat has no valid trusted certificate at the moment.')
    expect(refused.stdout).toContain(portainers)
    const trusted = await run('up --yes')
    expect(trusted.stdout).toContain(
      'LibreChat’s certificate is publicly trusted; browsers do not warn of it.',
    )
    expect(trusted.stdout).toContain(portainers)
    const domain = await run(`up --yes ${named}`)
    expect(domain.stdout).not.toContain('LibreChat’s certificate')
    expect(domain.stdout).toContain(portainers)
  })
})

describe('start', () => {
  it('says of which certificate the browser warns, and why there is no trusted one', async () => {
    const { run } = account()
    await run('up --yes --trusted-certificate')
    await run('stop')
    const refused = await run('start --scenario certificate-refused')
    expect(refused.stdout).toContain('LibreChat has no valid trusted certificate at the moment.')
    const { ownCertificate } = JSON.parse((await run('status --json')).stdout).health
    expect(refused.stdout).toContain(ownCertificate.sha256.slice(0, 47))
    expect(refused.stdout).toMatch(/^! .*certificate.*\n/m)
    expect((await run('start')).stdout).toContain('browsers do not warn of it')
  })
})

describe('port 80', () => {
  it('stays as it is where --no-domain changes nothing, and closes with --no-trusted-certificate', async () => {
    const { run } = account()
    await run('up --yes --open-port-80 --trusted-certificate')
    const same = await run('up --yes --no-domain')
    expect(same.code, same.stderr).toBe(0)
    expect(same.stdout).toContain('No changes')
    expect((await run('up --yes --no-trusted-certificate')).code).toBe(0)
    expect(JSON.parse((await run('access list --json')).stdout).openPort80).toBe(false)
  })
})

describe('without a terminal', () => {
  it('an interrupted run and its advice name command lines that work as they are', async () => {
    const { run } = account()
    const given = 'up --yes --email me@example.org --disk 40'
    const { code, stderr } = await run(given, { stopAt: /address association {2}created/ })
    expect(code).toBe(130)
    const [, line = ''] = /→ librechat-lab (.*?) {3}continues where it stopped/.exec(stderr) ?? []
    expect(line.split(' ')).toEqual(expect.arrayContaining(given.split(' ')))
    const { stdout, ...again } = await run(line.replace(' --rehearse', ''))
    expect(again.code, again.stderr).toBe(0)
    const refused = await run('up --yes --trusted-certificate --scenario certificate-refused')
    const [, retreat = ''] = /librechat-lab (up .*--no-trusted-certificate)/.exec(refused.stdout) ?? []
    expect((await run(`${retreat.replace(' --rehearse', '')} --yes`)).code).toBe(0)
  })

  it.each([
    ['--trusted-certificate --domain chat.example.org', '--no-domain --trusted-certificate'],
    ['--trusted-certificate --no-open-port-80', '--no-open-port-80 --no-trusted-certificate'],
    ['--alert a@example.org', '--alert a@example.org --budget 50'],
    ['--budget 20', '--budget 20 --alert <e-mail>'],
    ['--scenario no-default-vpc', '--create-default-vpc'],
    ['--scenario no-callable-model', '--without-chat'],
  ])('a refusal of %s keeps the other flags in its advice', async (given, instead) => {
    const { run } = account()
    const { code, stderr } = await run(`up --yes --disk 40 ${given}`)
    expect(code).toBe(1)
    const lines = [...stderr.matchAll(/→ librechat-lab (up .*?) {3}/g)].map(([, line = '']) =>
      line.split(' '),
    )
    const kept = lines.filter((line) => line.join(' ').includes('--yes --disk 40'))
    expect(kept).toContainEqual(expect.arrayContaining(instead.split(' ')))
    for (const line of kept) expect(line).not.toContain('chat.example.org')
  })

  it('an interrupted destroy keeps the name that confirmed it', async () => {
    const { run } = account()
    await run('up --yes')
    const { stderr } = await run('destroy --confirm default --no-backup', {
      stopAt: /address association {2}/,
    })
    expect(stderr).toMatch(/→ librechat-lab destroy --rehearse .*--confirm default.* {3}continues/)
  })
})
