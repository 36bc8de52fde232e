import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { identity, openEndpoint } from './endpoint.js'
import { bareEnv, type Env, newFolder, unhurried } from './program.js'
import { describeTerminal, openTerminal, type Terminal } from './terminal.js'

const open: Terminal[] = []
afterEach(() => {
  for (const terminal of open.splice(0)) terminal.close()
})

/** A terminal with a rehearsal of its own, or with the folder of another. */
async function at(
  line: string,
  env: Env = {},
  options?: { columns?: number; rows?: number; folder?: string },
) {
  const folder = options?.folder ?? newFolder()
  const quiet = { LIBRECHAT_LAB_NO_UPDATE_CHECK: '1' }
  const terminal = await openTerminal(line.split(' '), bareEnv(folder, { ...quiet, ...env }), options)
  open.push(terminal)
  return { ...terminal, folder }
}

/** What differs from run to run: ids, times and the order in which what goes on at once ends. */
function steady(screen: string): string {
  const text = screen
    .replace(/\b(i|vol|sg|eipassoc|eipalloc|vpc|subnet)-(?:\n?[0-9a-f]){17}/g, '$1-0123')
    .replace(/(until|asked on) \d{4}-\d\d-\d\d/g, '$1 2027-01-01')
    .replace(/^( {2}Took +)\d.*$/gm, '$1a moment')
    .replace(/ {2}\d+(\.\d+)? s$/gm, '')
    // How far a stage has come when it is asked.
    .replace(/^… host: LibreChat and Portainer: .*\n/gm, '')
    .replace(/rehearsal-[\w-]+/g, 'rehearsal-password')
  const lines = text.split('\n')
  const made = lines.filter((line) => /^✔ .* (created|removed)( |$)/.test(line)).sort()
  return lines.map((line) => (/^✔ .* (created|removed)( |$)/.test(line) ? made.shift() : line)).join('\n')
}

const seen = (name: string) => `./screens/${name}.txt`

describeTerminal('at a terminal', { timeout: 60_000 }, () => {
  it('the first up is a conversation, with a way back, a plan and a summary', async () => {
    const { type, press, shows, end } = await at('up --rehearse', {}, { rows: 60 })
    await shows('Your e-mail address')
    await type('not an address')
    await press('Enter')
    await shows('is not an e-mail address')
    await press('C-u')
    await type('me@example.org')
    await press('Enter')
    await shows('Which instance type?')
    await press('Down', 'Enter')
    await shows('How many GB of disk?')
    await press('Enter')
    await shows('Which addresses can reach it?')
    await press('Enter')
    await shows('Which certificate?')
    await press('Enter')
    await shows('Which models in the menu?')
    await press('Enter')
    await shows('How many dollars')
    await press('Enter')
    await shows('AWS budget')
    await press('Enter')
    // Back to the instance type, which was taken by mistake.
    await shows('Continue with these answers?')
    await press('Down', 'Down', 'Enter')
    await shows(/\? Which instance type\?/)
    await press('Up', 'Enter')
    await expect(steady(await shows(/Change the instance +t3\.medium/))).toMatchFileSnapshot(
      seen('conversation'),
    )
    await press('Enter')
    await shows('Type yes to create it')
    // Enter alone must not start to cost money.
    await press('Enter')
    await shows('Type yes or no.')
    await type('yes')
    await press('Enter')
    const { code, screen } = await end()
    expect(code).toBe(0)
    await expect(steady(screen.slice(screen.indexOf('The same without')))).toMatchFileSnapshot(
      seen('plan-and-summary'),
    )
  })

  it('the command line that it prints does the same without a question', async () => {
    const { press, shows, folder } = await at('up --rehearse', {}, { columns: 250 })
    for (const question of [
      'e-mail',
      'Which instance type',
      'How many GB',
      'Which addresses',
      'Which certificate',
      'Which models',
      'How many dollars',
      'AWS budget',
      'Continue with',
    ])
      await shows(question).then(() => press('Enter'))
    const screen = await shows('Type yes to create it')
    const line = /without questions:\n +librechat-lab (up .*(?:\\\n.*)*)/.exec(screen)?.[1] ?? ''
    await press('n', 'o', 'Enter')
    const again = await at(line.replaceAll(/ *\\\n +/g, ' '), {}, { folder, columns: 250, rows: 80 })
    const { code, screen: second } = await again.end()
    expect(code).toBe(0)
    expect(plan(second)).toBe(plan(screen))
  })

  it('Ctrl-C at a question: nothing was done, exit code 130', async () => {
    const { press, shows, end } = await at('up --rehearse')
    await shows('Your e-mail address')
    await press('C-c')
    const { code, screen } = await end()
    expect(code).toBe(130)
    await expect(steady(screen)).toMatchFileSnapshot(seen('interrupted-question'))
  })

  it('Ctrl-C while it works: what it does then, and how to go on', async () => {
    const { press, shows, end } = await at('up --rehearse --yes', unhurried, { rows: 60 })
    await shows('address association  created')
    await press('C-c')
    const { code, screen } = await end()
    expect(code).toBe(130)
    expect(screen).toMatch(
      /! Stopping .*\n?.*\n✖ Interrupted\.\n {2}→ librechat-lab up --rehearse {3}continues where it stopped/,
    )
  })

  it('Ctrl-C twice leaves at once', async () => {
    const silent = await openEndpoint(({ action }) => (action === 'GetCallerIdentity' ? identity : 'nothing'))
    const { press, shows, end } = await at('up --yes', silent.env)
    await shows('account 123456789012')
    await press('C-c')
    await shows('! Stopping')
    await press('C-c')
    expect((await end()).code).toBe(130)
    silent.close()
  })

  it('made narrower and wider again in the middle, it goes on', async () => {
    const { resize, shows, end } = await at('up --rehearse --yes', unhurried)
    await shows('Elastic IP  created')
    await resize(50, 30)
    await shows('host: Docker')
    await resize(120, 50)
    const { code, screen } = await end()
    expect(code).toBe(0)
    expect(screen).toContain('✔ Your LibreChat is ready.')
    // A moving line that the terminal itself broke in two may leave its first half; what is done stands whole, once.
    for (const done of [
      'Elastic IP  created',
      'host: Docker',
      'host: HTTPS and health',
      'chat  6 of 6 models',
    ])
      expect(screen.split(`✔ ${done}`)).toHaveLength(2)
    expect(screen.slice(screen.indexOf('✔ Your LibreChat'))).not.toMatch(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/)
  })

  it('forty columns: everything wraps between words', async () => {
    const { press, shows, end, folder } = await at('up --rehearse', {}, { columns: 40, rows: 80 })
    for (const question of [
      'e-mail',
      'Which instance type',
      'How many GB',
      'Which addresses',
      'Which certificate',
      'Which models',
      'How many dollars',
      'AWS budget',
      'Continue with',
    ])
      await shows(question).then(() => press('Enter'))
    await shows('Type yes')
    await press('y', 'e', 's', 'Enter')
    const { code, screen } = await end()
    expect(code).toBe(0)
    const [before, , after] = screen.split(/(?=✔ Type yes)|(?=✔ Your LibreChat)/)
    await expect(steady(`${before}${after}`)).toMatchFileSnapshot(seen('narrow-up'))
    const status = await at('status --rehearse', {}, { columns: 40, rows: 80, folder })
    await expect(steady((await status.end()).screen)).toMatchFileSnapshot(seen('narrow-status'))
  })

  it('a dumb terminal: no colour, nothing that moves, no question', async () => {
    const asks = await at('up --rehearse', { TERM: 'dumb' })
    const refused = await asks.end()
    expect(refused.code).toBe(1)
    expect(refused.screen).toContain('this terminal (TERM=dumb) can’t show a question')
    const { end, screen } = await at('up --rehearse --yes', { TERM: 'dumb' }, { rows: 80 })
    expect((await end()).code).toBe(0)
    const shown = await screen({ colors: true })
    expect(shown).not.toContain('\u001b')
    await expect(steady(shown)).toMatchFileSnapshot(seen('dumb-up'))
  })

  it.for([
    ['', {}, true],
    ['', { NO_COLOR: '1' }, false],
    ['--no-color', {}, false],
    ['', { FORCE_COLOR: '1', TERM: 'dumb' }, true],
  ] as [string, Env, boolean][])('colour with "%s" and %o: %s', async ([flag, env, colored]) => {
    const { end, screen } = await at(`models --rehearse ${flag}`.trim(), env)
    await end()
    expect((await screen({ colors: true })).includes('\u001b[')).toBe(colored)
  })

  it('questions have no colour either where none is wanted', async () => {
    for (const [line, env] of [
      ['up --rehearse', { NO_COLOR: '1' }],
      ['up --rehearse --no-color', {}],
    ] as const) {
      const { shows, press, screen } = await at(line, env)
      await shows('Your e-mail address')
      await press('Enter')
      await shows('Which instance type?')
      expect(await screen({ colors: true }), line).not.toContain('\u001b[')
    }
  })

  it('no credentials: the rehearsal is offered, and how to get some', async () => {
    const offered = await at('up')
    await expect(await offered.shows('What would you like to do?')).toMatchFileSnapshot(
      seen('no-credentials'),
    )
    await offered.press('Enter')
    await offered.shows('Your e-mail address')
    expect(await offered.screen()).toContain('Rehearsal: an account in memory.')
    const shown = await at('up')
    await shown.shows('What would you like to do?')
    await shown.press('Down', 'Enter')
    const { code, screen } = await shown.end()
    expect(code).toBe(1)
    expect(screen).toMatch(/aws configure sso[\s\S]*aws configure {3}stores[\s\S]*AWS_ACCESS_KEY_ID/)
  })

  it('profiles, and none of them chosen: which?', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, '.aws'))
    writeFileSync(
      join(folder, '.aws/config'),
      '[default]\nregion = us-east-1\n[profile work]\nsso_session = acme\n[sso-session acme]\nsso_region = eu-west-1\n[profile home]\naws_access_key_id = A\naws_secret_access_key = x\n',
    )
    const { shows } = await at('up', {}, { folder })
    await expect(await shows('Which AWS profile?')).toMatchFileSnapshot(seen('which-profile'))
  })

  it('a new version is named at a terminal, once npm has said so; asked once a day, never in CI', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'bin'))
    writeFileSync(join(folder, 'bin/npm'), `#!/bin/sh\necho "$@" >> ${folder}/asked\necho 99.1.2\n`)
    chmodSync(join(folder, 'bin/npm'), 0o755)
    const env = { PATH: `${folder}/bin:${process.env.PATH}`, LIBRECHAT_LAB_NO_UPDATE_CHECK: undefined }
    const asked = () => readFileSync(join(folder, 'asked'), 'utf8')
    const status = async (more: Env = {}) =>
      (await (await at('status --region moon', { ...env, ...more }, { folder })).end()).screen
    await status({ CI: 'true' })
    await status({ NO_UPDATE_NOTIFIER: '1' })
    await status({ LIBRECHAT_LAB_NO_UPDATE_CHECK: '1' })
    expect(asked).toThrow()
    expect(await status()).not.toContain('99.1.2')
    await expect
      .poll(() => readFileSync(join(folder, 'cache/librechat-lab/newest-version'), 'utf8'))
      .toBe('99.1.2\n')
    expect(await status()).toMatch(
      /librechat-lab 99\.1\.2 is available \(this is \S+\): npx librechat-lab@latest/,
    )
    expect(await status({ CI: 'true' })).not.toContain('99.1.2')
    expect(asked()).toBe('view librechat-lab version\n')
    // What stands in the cache is a stranger's word: only a version is believed.
    writeFileSync(join(folder, 'cache/librechat-lab/newest-version'), '99.0.0; rm -rf /')
    expect(await status()).not.toContain('99.0.0')
  })

  it('destroy wants the name typed, and keeps the address unless that is typed too', async () => {
    const { end, folder } = await at('up --rehearse --yes')
    await end()
    const wrong = await at('destroy --rehearse', {}, { folder, rows: 60 })
    await wrong.shows('Back up to a file')
    await wrong.press('n', 'Enter')
    await wrong.shows("Type the lab's name")
    await wrong.type('y')
    await wrong.press('Enter')
    expect((await wrong.end()).code).toBe(1)
    const right = await at('destroy --rehearse', {}, { folder, rows: 60 })
    await right.shows('Back up to a file')
    await right.press('n', 'Enter')
    await right.shows("Type the lab's name")
    await right.type('default')
    await right.press('Enter')
    await right.shows('to release it too')
    await right.press('Enter')
    const { code, screen } = await right.end()
    expect(code).toBe(0)
    await expect(steady(screen)).toMatchFileSnapshot(seen('destroy'))
  })
})

/** The plan as it stands on a screen. */
const plan = (screen: string): string => /Plan for[\s\S]*Total.*/.exec(screen)?.[0] ?? ''
