import { spawn } from 'node:child_process'
import { existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { globalFlags, tree } from '../../src/cli/tree.js'
import { identity, openEndpoint, refusal } from './endpoint.js'
import { leaves } from './leaves.js'
import { bareEnv, entry, newFolder, rehearsal, run, runWith, start, unhurried } from './program.js'

const escapes = '\u001b['

describe.concurrent('what a careful user of command lines will try', () => {
  it('1. help on every command: examples first, then options, then where to get more', async () => {
    const all = [[], ...leaves.map(({ path }) => path), ...tree.map(({ name }) => [name])]
    for (const path of all) {
      const { code, stdout, stderr } = await run([...path, '-h'])
      expect({ code, stderr }, path.join(' ')).toEqual({ code: 0, stderr: '' })
      expect(stdout).toMatch(
        /^Examples:\n {2}librechat-lab \S.*\n[\s\S]*\nUsage: [\s\S]*\nOptions:\n[\s\S]*\nHelp: .*\n +https:.*\n$/,
      )
      expect(stdout.split('\n').filter((line) => line.length > 110)).toEqual([])
    }
  }, 60_000)

  it('2. the version, by either name', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    for (const flag of ['--version', '-v']) expect((await run([flag])).stdout).toBe(`${version}\n`)
  })

  it('3. a word mistyped: the one that was meant, and exit code 1', async () => {
    const command = await run(['stauts'])
    expect(command).toMatchObject({ code: 1, stdout: '' })
    expect(command.stderr).toContain('Did you mean librechat-lab status?')
    const option = await run(['up', '--instance-tpye', 't3.large'])
    expect(option).toMatchObject({ code: 1, stdout: '' })
    expect(option.stderr).toContain('Did you mean librechat-lab up --instance-type?')
    const early = await run(['--profile', 'work', 'status'])
    expect(early.stderr).toContain('Options come after the command: librechat-lab status --profile')
  })

  it('4. standard output carries the result and nothing else', async () => {
    const { run } = rehearsal()
    const up = await run(['up', '--yes'])
    expect(up.stdout).toMatch(/^✔ Your LibreChat is ready\./)
    expect(up.stdout).not.toMatch(/Plan|created|Rehearsal|account \d/)
    expect(up.stderr).toMatch(/Plan[\s\S]*created/)
    const list = await run(['list'])
    expect(list.stdout).toMatch(/^LAB +REGION.*\ndefault +us-east-1 +running .*\n$/)
  }, 60_000)

  it('5. one JSON object for a script, errors included (json.test.ts holds every shape)', async () => {
    const { run } = rehearsal()
    const none = await run(['status', '--json'])
    expect(none.code).toBe(3)
    expect(none.json()).toMatchObject({ error: { code: 'no-such-lab', exitCode: 3 } })
    expect((await run(['list', '--json'])).json()).toEqual({ labs: [], skippedRegions: [] })
  })

  it('6. colours only where they are wanted', async () => {
    const colors = async (env: Record<string, string>, ...flags: string[]) => {
      const { stdout, stderr } = await rehearsal(env).run(['models', ...flags])
      return [stdout.includes(escapes), stderr.includes(escapes)]
    }
    expect(await colors({})).toEqual([false, false])
    expect(await colors({ FORCE_COLOR: '1' })).toEqual([true, true])
    expect(await colors({ FORCE_COLOR: '0' })).toEqual([false, false])
    expect(await colors({ FORCE_COLOR: '1' }, '--no-color')).toEqual([false, false])
    expect(await colors({ FORCE_COLOR: '1', NO_COLOR: '1' })).toEqual([false, false])
    expect(await colors({ FORCE_COLOR: '1', TERM: 'dumb' })).toEqual([true, true])
  })

  it('7. without a terminal: a line a change, and nothing that moves (heartbeat.test.ts has the long waits)', async () => {
    const { stderr } = await rehearsal().run(['up', '--yes'])
    expect(stderr).not.toMatch(/[\r\u001b⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/)
    const tasks = stderr.split('\n').filter((line) => line.startsWith('✔'))
    expect(new Set(tasks).size).toBe(tasks.length)
    expect(tasks.length).toBeGreaterThan(10)
  }, 60_000)

  it('8. asks only at a terminal; elsewhere it names the missing flag', async () => {
    const { run } = rehearsal()
    const up = await run(['up'], 'y\n')
    expect(up.code).toBe(1)
    expect(up.stderr).toMatch(/there is no terminal to ask\.\n[\s\S]*flag: --yes/)
    expect((await run(['status'])).code).toBe(3)
  })

  // 9, every question has a flag, is a type: Question in src/app/context.ts.

  it('10. --yes never covers what destroys data', async () => {
    const { run } = rehearsal()
    await run(['up', '--yes'])
    expect((await run(['destroy', '--yes'])).stderr).toContain("Unknown option '--yes'")
    expect((await run(['destroy'], 'default\n')).stderr).toContain('flag: --confirm default')
    expect((await run(['destroy', '--confirm', 'Default'])).code).toBe(1)
    expect((await run(['up', '--yes', '--replace-instance', 'i-0123456789abcdef0'])).code).toBe(1)
    expect((await run(['status'])).code).toBe(0)
    expect((await run(['destroy', '--confirm', 'default'])).code).toBe(0)
    expect((await run(['list', '--json'])).json()).toMatchObject({ labs: [{ state: null }] })
  }, 60_000)

  it('11. --dry-run changes nothing (test/aws proves it against AWS’s own API)', async () => {
    const { run, folder } = rehearsal()
    const account = () => readFileSync(join(folder, 'state/librechat-lab/rehearsal.json'), 'utf8')
    await run(['list'])
    const empty = account()
    expect(await run(['up', '--yes', '--dry-run'])).toMatchObject({ code: 0 })
    expect(account()).toBe(empty)
    await run(['up', '--yes'])
    const full = JSON.parse(account())
    expect((await run(['destroy', '--dry-run', '--confirm', 'default'])).stdout).toContain(
      '- instance LibreChat',
    )
    expect(JSON.parse(account())).toEqual(full)
  }, 60_000)

  it('12. says something before the first call', async () => {
    let before: string | undefined
    const log = join(newFolder(), 'stderr')
    const endpoint = await openEndpoint(() => {
      before ??= readFileSync(log, 'utf8')
      return refusal('AccessDenied', 'no')
    })
    const env = bareEnv(newFolder(), endpoint.env)
    const child = spawn(process.execPath, [entry, 'up', '--yes'], {
      env,
      stdio: ['ignore', 'ignore', openSync(log, 'w')],
    })
    await new Promise((resolve) => child.once('close', resolve))
    endpoint.close()
    expect(before).toMatch(/^librechat-lab \d.* · up "default"\n/)
  })

  it('13. exit codes: written down for every command, and kept', async () => {
    for (const { path, node } of leaves) {
      const { stdout } = await run([...path, '--help'])
      const codes = { 0: 'done', 1: 'failed', 130: 'interrupted', ...node.command?.exits }
      for (const [code, meaning] of Object.entries(codes))
        expect(stdout).toMatch(new RegExp(`^ {2}${code} +${meaning}$`, 'm'))
    }
    const { run: rehearse, folder } = rehearsal()
    expect((await rehearse(['status'])).code).toBe(3)
    expect((await rehearse(['up', '--yes'])).code).toBe(0)
    expect((await rehearse(['status'])).code).toBe(0)
    inAccount(folder, (_, { roles }) => {
      for (const role of Object.values(roles)) role.attached = []
    })
    expect((await rehearse(['status'])).code).toBe(2)
    const partly = await runWith(['up', '--yes', '--scenario', 'stage-failing'], rehearsal().env)
    expect(partly.code).toBe(2)
  }, 60_000)

  it('14. the first Ctrl-C stops cleanly and says so, the second leaves', async () => {
    const once = rehearsal(unhurried).start(['up', '--yes'])
    await once.hears(/created/)
    once.child.kill('SIGINT')
    const stopped = await once.ended
    expect(stopped.code).toBe(130)
    expect(stopped.stderr).toMatch(
      /! Stopping [\s\S]*✖ Interrupted\.\n.*librechat-lab up --rehearse --yes +continues/,
    )

    const silent = await openEndpoint(({ action }) => (action === 'GetCallerIdentity' ? identity : 'nothing'))
    const twice = start(['up', '--yes'], bareEnv(newFolder(), silent.env))
    await twice.hears(/account 123456789012/)
    twice.child.kill('SIGINT')
    await twice.hears(/! Stopping/)
    twice.child.kill('SIGINT')
    expect((await twice.ended).code).toBe(130)
    silent.close()
  }, 60_000)

  it.for([/Plan/, /role .* created/, /waiting for AWS|is pending/, /Docker/])(
    '15. killed after %s, the same command finishes the job',
    { timeout: 60_000 },
    async (moment) => {
      const place = rehearsal(unhurried)
      const first = place.start(['up', '--yes'])
      await first.hears(moment)
      first.child.kill('SIGKILL')
      expect((await first.ended).code).toBe('SIGKILL')
      const again = await place.run(['up', '--yes'])
      expect(again.code, again.stderr).toBe(0)
      const { labs } = (await place.run(['list', '--json'])).json<{ labs: unknown[] }>()
      expect(labs).toMatchObject([{ name: 'default', state: 'running', whole: true }])
    },
  )

  it('16. profile, region and credentials come from where everybody expects, and flags win', async () => {
    const endpoint = await openEndpoint(() => refusal('AccessDenied', 'no'))
    const folder = newFolder()
    writeFileSync(
      join(folder, 'config'),
      '[profile work]\nregion = eu-west-1\naws_access_key_id = AKIAWORK\naws_secret_access_key = x\n',
    )
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, ...bare } = endpoint.env
    const config = { ...bare, AWS_CONFIG_FILE: join(folder, 'config') }
    const keys = { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY }
    const whoAndWhere = async (env: Record<string, string>, ...flags: string[]) => {
      endpoint.heard.length = 0
      await run(['status', ...flags], { ...config, ...env })
      const [call] = endpoint.heard
      return `${call?.key} ${call?.region}`
    }
    expect(await whoAndWhere({ ...keys, AWS_REGION })).toBe('AKIAENVIRONMENT us-east-1')
    expect(await whoAndWhere({ ...keys, AWS_DEFAULT_REGION: 'eu-west-2' })).toBe('AKIAENVIRONMENT eu-west-2')
    expect(await whoAndWhere({ AWS_PROFILE: 'work' })).toBe('AKIAWORK eu-west-1')
    expect(await whoAndWhere({ AWS_PROFILE: 'work', AWS_REGION })).toBe('AKIAWORK us-east-1')
    expect(await whoAndWhere({ ...keys, AWS_REGION }, '--profile', 'work', '--region', 'eu-north-1')).toBe(
      'AKIAWORK eu-north-1',
    )
    writeFileSync(
      join(folder, 'config'),
      '[profile sso]\nregion = eu-west-1\nsso_session = acme\nsso_account_id = 1\nsso_role_name = a\n[sso-session acme]\nsso_start_url = https://example.org\nsso_region = eu-west-1\n',
    )
    endpoint.heard.length = 0
    const expired = await run(['status', '--profile', 'sso'], config)
    expect(expired.stderr).toContain('→ aws sso login --profile sso')
    expect(endpoint.heard).toEqual([])
    endpoint.close()
  })

  it('17. account, region and identity stand there before anything changes', async () => {
    for (const args of [
      ['up', '--yes'],
      ['destroy', '--confirm', 'default'],
    ]) {
      const { stderr } = await sharedPlace.run(args)
      expect(stderr).toMatch(
        /account 123456789012 · us-east-1 · arn:aws:iam::123456789012:user\/rehearsal\n[\s\S]*✔/,
      )
      expect(stderr.indexOf('account 123456789012')).toBeLessThan(stderr.indexOf('✔'))
    }
  }, 60_000)

  it('18. an error says what, why, what to do, and AWS’s request id', async () => {
    const endpoint = await openEndpoint(() => refusal('AccessDenied', 'You may not sts:GetCallerIdentity.'))
    const { stderr, code } = await run(['status'], endpoint.env)
    endpoint.close()
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /✖ AWS denied .*\n {2}You may not sts:GetCallerIdentity\.\n {2}→ librechat-lab policy .*\n {2}AWS request id: request-0123\n/,
    )
  })

  it('19. no stack trace without --debug; a defect says where to report it', async () => {
    const { folder, run } = rehearsal()
    // A file where its folder is to be: nothing that anybody provided for.
    writeFileSync(join(folder, 'state'), '')
    const plain = await run(['status'])
    expect(plain).toMatchObject({ code: 1 })
    expect(plain.stderr).toMatch(
      /unexpected error[\s\S]*bug in librechat-lab[\s\S]*→ .*report.*https:\/\/\S+\/issues/,
    )
    expect(plain.stderr).not.toMatch(/^ +at /m)
    expect((await run(['status', '--debug'])).stderr).toMatch(/^ +at /m)
  })

  it('20. no secret in flags, output, logs or JSON', async () => {
    for (const { flags } of leaves.flatMap(({ node }) => node.options ?? []))
      expect(flags).not.toMatch(/(password|secret|token(?!s)|key)[^ ]* </)
    const endpoint = await openEndpoint(() => refusal('AccessDenied', 'no'))
    const { stdout, stderr } = await run(['up', '--yes', '--json', '--debug'], {
      ...endpoint.env,
      AWS_SESSION_TOKEN: 'token-of-the-environment',
    })
    endpoint.close()
    expect(stdout + stderr).not.toMatch(/(secret|token)-of-the-environment/)
    const place = rehearsal()
    const made = await place.run(['up', '--yes', '--email', 'me@example.org', '--json'])
    expect(made.stdout.replace('"passwordDue":true', '')).not.toMatch(/password/i)
    expect(made.stdout + made.stderr).not.toMatch(/rehearsal-[\w-]{8}/)
  }, 60_000)

  it('21. a wait has a deadline, and names what it waited for', async () => {
    const clockJump = new URL('../support/clockjump.mjs', import.meta.url).href
    const place = rehearsal({ NODE_OPTIONS: `--import=${clockJump}` })
    await place.run(['up', '--yes'])
    // An agent that won't come back before the deadline, nor for years after it.
    inAccount(place.folder, ({ instances }) => {
      for (const instance of Object.values(instances)) instance.onlineAt = Date.now() + 1e12
    })
    const up = place.start(['up', '--yes', '--disk', '40'])
    await up.hears(/Plan/)
    const hours = setInterval(() => up.child.kill('SIGUSR2'), 300)
    // A signal after that would meet a program that is ending, and no longer hears it.
    await up.hears(/✖ The instance/)
    clearInterval(hours)
    const { code, stderr } = await up.ended
    expect(code).toBe(2)
    expect(stderr).toMatch(/✖ The instance i-\w+ didn't come online in Systems Manager within \d+ minutes\./)
  }, 60_000)

  it('22. says what changed and which command comes next; nothing to do is "No changes"', async () => {
    const { run } = rehearsal()
    const first = await run(['up', '--yes'])
    expect(first.stderr).toContain('✔ instance LibreChat  created i-')
    expect(first.stdout).toMatch(
      /\nNext\n(.*\n)* {2}librechat-lab destroy --rehearse +Delete it and all its data/,
    )
    expect((await run(['up', '--yes'])).stdout).toContain('No changes: everything is as it should be.')
    const more = await run(['up', '--yes', '--disk', '40'])
    expect(more.stderr).toMatch(/~ instance LibreChat .*change\n +disk size: 30 GB → 40 GB/)
  }, 60_000)

  it('23. completions name every command and option of the tree (completion.test.ts tries the shells)', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { stdout } = await run(['completion', shell])
      for (const { path, node } of leaves) {
        for (const word of path) expect(stdout).toContain(word)
        for (const flag of node.options ?? [])
          expect(stdout).toContain(shell === 'fish' ? `-l ${longName(flag).slice(2)}` : longName(flag))
      }
    }
  })

  it('24. no notice of a new version, and no check for one, where nobody reads it', async () => {
    const place = rehearsal()
    await place.run(['list'])
    await start(['status'], { ...place.env, AWS_REGION: 'us-east-1' }).ended
    expect(existsSync(join(place.folder, 'cache'))).toBe(false)
  })

  it('25. flags are only added to: what was there once is there still', async () => {
    const known = readFileSync(new URL('flags.txt', import.meta.url), 'utf8')
      .trim()
      .split('\n')
    const now = leaves.flatMap(({ path, node }) =>
      [...(node.options ?? []), ...globalFlags].map(({ flags }) => `${path.join(' ')} ${flags}`),
    )
    // A new flag is written down too, so that no later change can lose it.
    expect(
      known.filter((line) => !now.includes(line)),
      'gone',
    ).toEqual([])
    expect(
      now.filter((line) => !known.includes(line)),
      'to be added to flags.txt',
    ).toEqual([])
  })
})

interface Region {
  instances: Record<string, { onlineAt: number }>
}

/** Changes the rehearsal's account by hand, behind the program's back. */
function inAccount(
  folder: string,
  change: (region: Region, account: { roles: Record<string, { attached: string[] }> }) => void,
): void {
  const path = join(folder, 'state/librechat-lab/rehearsal.json')
  const account = JSON.parse(readFileSync(path, 'utf8'))
  change(account.regions['us-east-1'], account)
  writeFileSync(path, JSON.stringify(account))
}

/** One rehearsal for what only reads or has its own lab. */
const sharedPlace = rehearsal()

const longName = ({ flags }: { flags: string }): string => /--[a-z0-9-]+/.exec(flags)?.[0] ?? ''
