import { afterAll, describe, expect, it } from 'vitest'
import { scenarios } from '../../src/rehearsal/scenarios.js'
import { unhurried } from '../cli/program.js'
import { type CutOff, cutOffProgram } from './program.js'

const someone = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'x', AWS_REGION: 'us-east-1' }

describe('with the network cut off', () => {
  it('the guard sees and stops who tries another machine', async () => {
    const program = cutOffProgram(someone)
    // In a process of its own: its calls may be repeated for a while after it has failed.
    const { code } = await program.start('status').ended
    expect(code).toBe(1)
    expect(program.tries().join()).toContain('amazonaws.com')
  })

  describe('a whole rehearsal works, command by command', () => {
    const lab = cutOffProgram(unhurried)
    afterAll(() => expect(lab.tries()).toEqual([]))

    it('up makes it all, within 15 seconds', async () => {
      const begun = Date.now()
      const said = await lab.run('up', '--rehearse', '--yes', '--email', 'me@example.org')
      expect(said.code, said.stderr).toBe(0)
      expect(Date.now() - begun).toBeLessThan(15_000)
      expect(said.stdout).toContain('https://203.0.113.10')
      expect(said.stderr).toMatch(/nothing is created in AWS/i)
    })

    it.each([
      [['up', '--yes'], 0],
      [['status'], 0],
      [['status', '--chat'], 0],
      [['user', 'list'], 0],
      [['portainer', 'password'], 0],
      [['usage'], 0],
      [['logs'], 0],
      [['models'], 0],
      [['doctor'], 0],
      [['list'], 0],
      [['list', '--all-regions'], 0],
      [['address', 'policy'], 0],
    ])('%j', async (args, code) => {
      const said = await lab.run(...args, '--rehearse', '--json')
      expect(said.code, said.stderr).toBe(code)
      expect(JSON.parse(said.stdout)).toBeTypeOf('object')
    })

    it('tunnel leads to the page', async () => {
      const { child, ended, stdout } = lab.start('tunnel', '--rehearse', '--json')
      await expect.poll(stdout, { timeout: 10_000 }).toContain('"url"')
      const { tunnels } = JSON.parse(stdout()) as { tunnels: { url: string }[] }
      const page = await fetch(tunnels[0]?.url ?? '').then((answer) => answer.text())
      expect(page).toContain('LibreChat would stand here')
      child.kill('SIGINT')
      expect((await ended).code).toBe(130)
    })

    it('destroy leaves the protected address and nothing else', async () => {
      const said = await lab.run('destroy', '--confirm', 'default', '--rehearse')
      expect(said.code, said.stderr).toBe(0)
      const again = await lab.run(
        'destroy',
        '--confirm',
        'default',
        '--release-address',
        '203.0.113.10',
        '--rehearse',
      )
      expect(again.code, again.stderr).toBe(0)
      expect((await lab.run('status', '--rehearse')).code).toBe(3)
    })
  })
})

describe('a rehearsal that others get in the way of', () => {
  it.concurrent('waits for another one on the same lab, and then has nothing to do', {
    timeout: 60_000,
  }, async () => {
    const lab = cutOffProgram(unhurried)
    const both = await Promise.all([1, 2].map(() => lab.run('up', '--rehearse', '--yes')))
    for (const { code, stderr } of both) expect(code, stderr).toBe(0)
    expect(both.filter(({ stderr }) => stderr.includes('another run'))).toHaveLength(1)
    const { labs } = JSON.parse((await lab.run('list', '--rehearse', '--json')).stdout)
    expect(labs).toHaveLength(1)
  })

  it.concurrent('goes on after it was killed in the middle', { timeout: 60_000 }, async () => {
    const lab = cutOffProgram(unhurried)
    const { child, ended, stderr } = lab.start('up', '--rehearse', '--yes')
    await expect.poll(stderr, { timeout: 20_000 }).toContain('host: swap and system')
    child.kill('SIGKILL')
    await ended
    const again = await lab.run('up', '--rehearse', '--yes')
    expect(again.code, again.stderr).toBe(0)
    const { labs } = JSON.parse((await lab.run('list', '--rehearse', '--json')).stdout)
    expect(labs).toHaveLength(1)
  })
})

/** What a person sees of each scenario: its exit code, and the words that tell it from the others. */
const outcomes: Record<(typeof scenarios)[number]['name'], [number | RegExp, RegExp]> = {
  // The lock can't be given back either, so that the failure to do so may be what is told.
  'credentials-expired': [/^[12]$/, /credentials have expired/],
  throttling: [0, /ready/],
  'no-default-vpc': [1, /no default VPC/],
  'form-missing': [0, /Not in the menu: Claude .*use-case form/],
  'no-callable-model': [1, /not authorised/],
  'payment-missing': [0, /payment method/],
  'data-retention': [0, /ready with \d of \d models[\s\S]*data retention mode is "none"/],
  'zero-quota': [2, /not ready: no model answers[\s\S]*quota/],
  'address-quota': [1, /Elastic IP/],
  'no-capacity': [0, /trying the next zone/],
  'stage-failing': [2, /could not be downloaded/],
  'older-librechat': [0, /ready/],
  'update-failing': [0, /ready/],
  'certificate-refused': [0, /ready[\s\S]*failed: 203\.[\s\S]*--no-trusted-certificate/],
  'busy-host': [0, /ready/],
}

describe('what goes wrong in a rehearsal', () => {
  it.concurrent.each(scenarios.map(({ name }) => name))('%s', { timeout: 90_000 }, async (name) => {
    const lab: CutOff = cutOffProgram()
    const wanted = name === 'certificate-refused' ? ['--trusted-certificate'] : []
    const said = await lab.run('up', '--scenario', name, '--yes', ...wanted)
    const [code, words] = outcomes[name]
    expect(String(said.code), said.stderr).toMatch(code instanceof RegExp ? code : new RegExp(`^${code}$`))
    expect(said.stdout + said.stderr).toMatch(words)
    // Without the scenario the same command goes on and finishes.
    const next = await lab.run(
      'up',
      '--rehearse',
      '--yes',
      ...(name === 'no-default-vpc' ? ['--create-default-vpc'] : []),
    )
    expect(next.code, next.stderr).toBe(0)
    expect(lab.tries()).toEqual([])
  })

  it('an unknown one is refused, with the list', async () => {
    const said = await cutOffProgram().run('up', '--scenario', 'earthquake', '--yes')
    expect(said.code).toBe(1)
    for (const { name } of scenarios) expect(said.stderr).toContain(name)
  })
})
