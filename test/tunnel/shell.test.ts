import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { entry } from '../cli/program.js'
import { until } from './local.js'
import { environment, runProgram } from './program.js'
import { Remote } from './remote.js'

const run = promisify(execFile)

let remote: Remote
let folder: string
beforeAll(async () => {
  remote = await Remote.start()
  folder = await mkdtemp(join(tmpdir(), 'shell-'))
})
afterAll(async () => {
  await remote.stop()
  await rm(folder, { recursive: true })
})

/** A terminal of the user's: a window of tmux, on a server of this test's own. */
let servers = 0
const tmux = async (...args: string[]) => {
  const server = `librechat-lab-${process.pid}-${servers}`
  return (await run('tmux', ['-L', server, '-f', '/dev/null', ...args])).stdout
}
const screen = () => tmux('capture-pane', '-p', '-t', 'person')
const type = (...keys: string[]) => tmux('send-keys', '-t', 'person', ...keys)
const shows = (what: string | RegExp) =>
  until(`the screen to show ${what}`, async () => {
    const text = await screen()
    return typeof what === 'string' ? text.includes(what) : what.test(text)
  })

async function openShell(): Promise<void> {
  const variables = Object.entries(environment(remote)).flatMap(([name, value]) => ['-e', `${name}=${value}`])
  const command = `${process.execPath} ${entry} shell; echo "left with $?"; stty -a | tr ' ;' '\\n\\n' | grep icanon; sleep 60`
  await tmux('new-session', '-d', '-s', 'person', '-x', '100', '-y', '30', ...variables, command)
}

beforeEach(() => remote.set({ agent: {}, instances: [{ id: 'i-0123' }], errors: {} }))
afterEach(async () => {
  // The server goes with its last window; there may be none left.
  await tmux('kill-server').catch(() => {})
  servers++
})

describe('a shell', () => {
  test('runs what is typed, in the window’s size, and follows it', async () => {
    await openShell()
    await shows('remote$')
    await type('stty size; echo $((6 * 7))', 'Enter')
    await shows('30 100\n42')
    await tmux('resize-window', '-t', 'person', '-x', '70', '-y', '20')
    await type('clear; stty size', 'Enter')
    await shows('20 70')
  })

  test('passes Ctrl-C on, and goes on', async () => {
    await openShell()
    await shows('remote$')
    await type('echo sleeping; sleep 100; echo slept', 'Enter')
    await shows(/\nsleeping/)
    await type('C-c')
    await shows(/\^C\s+remote\$/)
    await type('echo still here', 'Enter')
    await shows(/\nstill here/)
  })

  test('runs top', async () => {
    await openShell()
    await shows('remote$')
    await type('top', 'Enter')
    await shows(/load average:[\s\S]*PID +USER[\s\S]* COMMAND/)
    await type('q')
    await shows(/remote\$ *\n*$/)
    await type('echo after top', 'Enter')
    await shows(/\nafter top/)
  })

  test('runs vi', async () => {
    const file = join(folder, 'note')
    await openShell()
    await shows('remote$')
    await type(`vi ${file}`, 'Enter')
    await shows('~')
    await type('i', 'written with vi', 'Escape', ':wq', 'Enter')
    await until(
      'the file',
      async () => (await readFile(file, 'utf8').catch(() => '')) === 'written with vi\n',
    )
    await shows('remote$')
  })

  test('leaves the terminal as it was, and ends the session at AWS', async () => {
    await openShell()
    await shows('remote$')
    const { live } = await remote.stats()
    await type('exit', 'Enter')
    await shows(/left with 0\s+icanon/)
    expect((await remote.stats()).live).toBe(live - 1)
  })

  test('lives on when its connection is broken', async () => {
    await openShell()
    await shows('remote$')
    await remote.break('kill')
    await type('echo as if nothing had been', 'Enter')
    await shows(/\nas if nothing had been/)
  })

  test('is encrypted where the account demands it', async () => {
    await remote.set({ agent: { kms: { key: 'alias/shells' } } })
    await openShell()
    await shows('remote$')
    await type('echo $((6 * 7))', 'Enter')
    await shows(/\n42/)
    expect((await remote.stats()).calls.GenerateDataKey).toBe(1)
  })

  test('tells why AWS ended it, and fails', async () => {
    const { ended, err, out } = runProgram(remote, ['shell'])
    await until('the prompt', () => out().includes('remote$'))
    await remote.expire('Your session timed out due to inactivity.')
    expect(await ended).toBe(1)
    expect(err()).toContain('Your session timed out due to inactivity.')
  })

  test('that an administrator ended fails, and says so', async () => {
    const { ended, err, out } = runProgram(remote, ['shell'])
    await until('the prompt', () => out().includes('remote$'))
    await remote.set({ expired: true })
    await remote.break('kill')
    expect(await ended).toBe(1)
    expect(err()).toContain('an administrator ended it')
    await remote.set({ expired: false })
  })

  test('is no JSON', async () => {
    const { ended, out } = runProgram(remote, ['shell', '--json'])
    expect(await ended).toBe(1)
    expect(JSON.parse(out()).error).toMatchObject({ code: 'bad-option' })
  })

  test('shows a bare line feed as one', async () => {
    await openShell()
    await shows('remote$')
    await type('stty -opost; printf "one\\ntwo\\n"; stty opost; echo', 'Enter')
    await shows(/^ *one\n {3,}two/m)
  })

  test('says what is missing when KMS gives no key', async () => {
    await remote.set({
      agent: { kms: { key: 'alias/shells' } },
      errors: { GenerateDataKey: { code: 'AccessDeniedException', message: 'not authorized' } },
    })
    const { ended, err } = runProgram(remote, ['shell'])
    expect(await ended).toBe(1)
    expect(err()).toContain('kms:GenerateDataKey on alias/shells')
  })

  test('takes its commands from a pipe as well', async () => {
    const { child, ended, out } = runProgram(remote, ['shell'])
    child.stdin.end('echo $((6 * 7))\n')
    expect(await ended).toBe(0)
    expect(out()).toContain('42')
  })

  test('prints a flood to its end', async () => {
    const { child, ended, out } = runProgram(remote, ['shell'])
    child.stdin.end('stty -echo; echo; seq 1 60000\n')
    expect(await ended).toBe(0)
    expect(out().match(/^\d+\r$/gm)).toHaveLength(60_000)
  })
})
