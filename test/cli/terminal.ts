import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe } from 'vitest'
import { entry, newFolder } from './program.js'

const exec = promisify(execFile)

/** A program at a real terminal, eighty or so columns of it. */
export interface Terminal {
  /** Types text as a person does. */
  type(text: string): Promise<void>
  /** Presses keys by tmux's names: Enter, Up, C-c, Space. */
  press(...keys: string[]): Promise<void>
  /** What stands there, with what has scrolled away; lines are as wide as the terminal. */
  screen(options?: { colors?: boolean }): Promise<string>
  /** Waits until the screen shows it. */
  shows(what: string | RegExp): Promise<string>
  resize(columns: number, rows: number): Promise<void>
  /** Waits for the end; the exit code and all that was ever shown. */
  end(): Promise<{ code: number; screen: string }>
  close(): void
}

const isThere = (() => {
  try {
    execFileSync('tmux', ['-V'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

if (!isThere && process.env.CI === 'true')
  throw new Error('CI=true, and there is no tmux for the terminal tests.')
if (!isThere) process.stderr.write('\nNot run, for want of tmux: the tests at a real terminal\n')

/** A suite that needs a real terminal. */
export const describeTerminal = describe.skipIf(!isThere)

const quoted = (word: string) => `'${word.replace(/'/g, `'\\''`)}'`

/** Starts the program in a terminal of its own. */
export async function openTerminal(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  { columns = 100, rows = 45 } = {},
): Promise<Terminal> {
  const socket = join(newFolder(), 'tmux')
  const tmux = async (...words: string[]) =>
    (
      await exec('tmux', ['-S', socket, '-f', '/dev/null', ...words], {
        env: { PATH: process.env.PATH, LANG: 'C.UTF-8', TERM: 'xterm-256color' },
      })
    ).stdout
  const given = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  )
  // The shell notes how it ended: tmux itself forgets that now and then. It outlives a Ctrl-C that its child takes.
  const ending = `${socket}.code`
  const command = ['env', '-i', 'TERM=tmux-256color', ...given, process.execPath, entry, ...args].map(quoted)
  const shell = `trap : INT; ${command.join(' ')}; echo $? > ${ending}.new; mv ${ending}.new ${ending}`
  await tmux(
    ...[
      'start-server',
      ';',
      'set',
      '-g',
      'remain-on-exit',
      'on',
      ';',
      'set',
      '-g',
      'history-limit',
      '5000',
      ';',
    ],
    ...['set', '-g', 'remain-on-exit-format', '', ';', 'set', '-g', 'status', 'off', ';'],
    ...['new-session', '-d', '-x', String(columns), '-y', String(rows)],
    shell,
  )
  const screen = async ({ colors = false } = {}) => {
    const text = await tmux('capture-pane', '-p', '-S', '-', ...(colors ? ['-e'] : []))
    return text.replace(/[ \t]+$/gm, '').trimEnd()
  }
  const dead = async () => (existsSync(ending) ? Number(readFileSync(ending, 'utf8')) : undefined)
  const until = async <T>(look: () => Promise<T | undefined>, what: string): Promise<T> => {
    const deadline = Date.now() + 40_000
    for (;;) {
      const found = await look()
      if (found !== undefined) return found
      if (Date.now() > deadline)
        throw new Error(`waited for ${what} at a screen that shows:\n${await screen()}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  return {
    type: async (text) => void (await tmux('send-keys', '-l', text)),
    press: async (...keys) => void (await tmux('send-keys', ...keys)),
    screen,
    shows: (what) =>
      until(async () => {
        const text = await screen()
        const there = typeof what === 'string' ? text.includes(what) : what.test(text)
        if (!there && (await dead()) !== undefined)
          throw new Error(`ended without showing ${what}:\n${await screen()}`)
        return there ? text : undefined
      }, String(what)),
    resize: async (wide, high) => void (await tmux('resize-window', '-x', String(wide), '-y', String(high))),
    end: async () => {
      const code = await until(dead, 'its end')
      return { code, screen: await screen() }
    },
    close: () => {
      try {
        execFileSync('tmux', ['-S', socket, 'kill-server'], { stdio: 'ignore' })
      } catch {
        // It has gone by itself.
      }
    },
  }
}
