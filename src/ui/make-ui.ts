import type { Event } from '../core/event.js'
import { plainProgress } from './progress.js'
import { askAtTerminal, refuseToAsk } from './prompts.js'
import { asJson, sieved, styleFor, wantsColor, wrap } from './style.js'
import type { Ui } from './ui.js'

export interface UiOptions {
  stdin: NodeJS.ReadStream
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  env: NodeJS.ProcessEnv
  json: boolean
  color: boolean | undefined
  /** Renders commands as this user has to type them. */
  hints: Pick<Ui, 'hint'>
  signal: AbortSignal
}

/** Clears the screen and moves to the first line. */
const toTop = '\u001b[2J\u001b[H'

/** Whether questions can be asked: they move the cursor, which a dumb terminal can't. */
export const canAsk = ({ stdin, stderr, env }: Pick<UiOptions, 'stdin' | 'stderr' | 'env'>): boolean =>
  Boolean(stdin.isTTY && stderr.isTTY) && env.TERM !== 'dumb'

/** Live progress at a terminal, plain lines elsewhere, one object on stdout with `--json`. */
export async function makeUi(options: UiOptions): Promise<Ui> {
  const { stdin, stdout, stderr, env, json, signal } = options
  const { hint } = options.hints
  const style = styleFor(wantsColor(stderr, env, options.color))
  const dumb = env.TERM === 'dumb'
  // A terminal without a size reports 0, so no line can be rewritten.
  const lively = stderr.isTTY && stderr.columns > 0 && !env.CI && !dumb
  const interactive = canAsk(options)
  const kind = lively ? (await import('./live-progress.js')).liveProgress : plainProgress
  const progress = kind({ stream: stderr, style, now: Date.now })
  const typed = (event: Exclude<Event, { type: 'task' }>) =>
    'command' in event && event.command
      ? `${hint(event.text)} ${hint({ command: event.command })}`
      : hint(event.text)
  // Whether a blank line is the last thing on the screen.
  let apart = false
  // The last text that was shown in place.
  let drawn: string | undefined
  return {
    interactive,
    json,
    hint,
    style: styleFor(wantsColor(stdout, env, options.color)),
    columns: stdout.columns || 80,
    emit(event) {
      apart = false
      progress.emit(event.type === 'task' ? event : { ...event, text: typed(event) })
    },
    show(text) {
      const shown = sieved(text({ style, hint }))
      progress.print(`\n${stderr.isTTY ? wrap(shown, stderr.columns || 80) : shown}\n\n`)
      apart = true
    },
    result(text, object) {
      progress.close()
      // At a terminal, a blank line separates it from the progress above.
      const shown = stdout.isTTY ? `\n${wrap(text, stdout.columns || 80)}` : text
      stdout.write(json ? `${asJson(object)}\n` : `${sieved(shown)}\n`)
    },
    redraw(text) {
      progress.close()
      if (text === drawn) return
      drawn = text
      const shown = sieved(stdout.isTTY ? wrap(text, stdout.columns || 80) : text)
      stdout.write(`${stdout.isTTY && !dumb ? toTop : ''}${shown}\n${stdout.isTTY ? '' : '\n'}`)
    },
    pause: progress.close,
    ...(interactive
      ? askAtTerminal({
          output: stderr,
          style,
          signal,
          pause: progress.close,
          hint,
          gap: () => {
            const between = apart ? '' : '\n'
            apart = false
            return between
          },
        })
      : refuseToAsk({ dumb: dumb && stdin.isTTY, hint })),
  }
}
