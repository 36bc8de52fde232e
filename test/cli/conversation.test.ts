import { afterEach, expect, it } from 'vitest'
import { bareEnv, newFolder } from './program.js'
import { describeTerminal, openTerminal, type Terminal } from './terminal.js'

const open: Terminal[] = []
afterEach(() => {
  for (const terminal of open.splice(0)) terminal.close()
})

async function conversation(...flags: string[]): Promise<Terminal> {
  const env = bareEnv(newFolder(), { LIBRECHAT_LAB_NO_UPDATE_CHECK: '1' })
  const terminal = await openTerminal(['up', '--rehearse', ...flags], env, { columns: 140, rows: 60 })
  open.push(terminal)
  return terminal
}

/** Answers the questions up to the one about addresses with their defaults. */
async function toAddresses({ press, shows }: Terminal): Promise<void> {
  for (const question of ['e-mail', 'Which instance type', 'How many GB'])
    await shows(question).then(() => press('Enter'))
  await shows('Which addresses')
}

describeTerminal('the questions of the first up', { timeout: 60_000 }, () => {
  it('an answer that does not fit gets the reason that the flag gives', async () => {
    const terminal = await conversation()
    await toAddresses(terminal)
    const { press, shows, type } = terminal
    for (const [wrong, reason] of [
      ['1.2.3.4/24', /A \/24 range starts at 1\.2\.3\.0\./],
      ['::1', /IPv6/],
      ['my house', /IPv4/],
    ] as const) {
      await type(wrong)
      await press('Enter')
      await shows(reason)
      await press('C-u')
    }
  })

  it('no model is not taken for the default ones', async () => {
    const terminal = await conversation()
    await toAddresses(terminal)
    const { press, shows } = terminal
    await press('Enter')
    await shows('Which certificate')
    await press('Enter')
    await shows('Which models')
    // "a" marks all, then none.
    await press('a')
    await press('a')
    await press('Enter')
    await shows('Choose at least one model')
  })

  it('an e-mail address once typed can be cleared', async () => {
    const { press, shows, type } = await conversation()
    await shows('e-mail address (empty: later)')
    await type('me@example.org')
    for (const question of [
      'Which instance type',
      'How many GB',
      'Which addresses',
      'Which certificate',
      'Which models',
      'How many dollars',
      'AWS budget',
    ]) {
      await press('Enter')
      await shows(question)
    }
    await press('Enter')
    await shows(/Change the first user +me@example\.org/)
    await press('Down', 'Enter')
    await shows('"none" for no user')
    await type('none')
    await press('Enter')
    await shows(/Change the first user +none yet/)
  })

  it('what cannot be set up is said where it can be changed, and the answers stay', async () => {
    const flags = ['--instance-type', 't3.medium', '--disk', '30', '--allow-cidr', 'detect']
    const { press, shows, type } = await conversation(...flags, '--no-allowance', '--budget', '20')
    await shows('e-mail address (empty: later)').then(() => press('Enter'))
    await shows('Which certificate').then(() => press('Down', 'Enter'))
    await shows('Which models').then(() => press('Enter'))
    await shows('Continue with').then(() => press('Enter'))
    await shows('The budget has nobody to notify.')
    await press('Down', 'Enter')
    await shows('Your e-mail address').then(() => type('me@example.org'))
    await press('Enter')
    await shows(/Change the first user +me@example\.org/).then(() => press('Enter'))
    const screen = await shows('Type yes to create it')
    const line = /without questions:(.*?)\n\n/s.exec(screen)?.[1] ?? ''
    for (const flag of ['--budget 20', '--email me@example.org', '--trusted-certificate', '--no-allowance'])
      expect(line).toContain(flag)
    await press('C-c')
    const stopped = (await shows('continues where it stopped')).split('Interrupted.')[1] ?? ''
    for (const flag of ['--budget 20', '--email me@example.org', '--trusted-certificate', '--no-allowance'])
      expect(stopped).toContain(flag)
  })

  it('flags that cannot be combined are refused before a question', async () => {
    const { end } = await conversation('--domain', 'chat.example.org')
    const { code, screen } = await end()
    expect(code).toBe(1)
    expect(screen).toContain('needs port 80')
    expect(screen).not.toContain('e-mail')
  })
})
