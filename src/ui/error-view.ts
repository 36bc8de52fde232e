import type { Ui } from '../app/context.js'
import type { LabError } from '../core/error.js'
import { clean, cut, plainSpaces, styleFor, unbroken, wantsColor, wrap } from './style.js'

/** An error as JSON. Fields are only added, never removed. */
const errorObject = (error: LabError, hint: Ui['hint']) => ({
  error: {
    code: error.code,
    what: error.message,
    ...(error.why ? { why: error.why } : {}),
    fix: error.fix.map(hint),
    exitCode: error.exitCode,
    ...(error.requestId ? { requestId: error.requestId } : {}),
  },
})

/** What happened, why, what to do; the stack only with --debug. With --json the object goes to stdout as well. */
export function showError(
  error: LabError,
  {
    ui,
    stderr,
    env,
    options,
  }: {
    ui: Ui
    stderr: NodeJS.WriteStream
    env: NodeJS.ProcessEnv
    options: { color?: boolean; debug?: boolean; json?: boolean }
  },
): void {
  ui.pause()
  const { hint } = ui
  const style = styleFor(wantsColor(stderr, env, options.color))
  const lines = [`${style('red', '✖')} ${style('bold', clean(error.message))}`]
  // A reason can quote external text of any length.
  if (error.why) lines.push(`  ${clean(cut(error.why, 1000))}`)
  for (const step of error.fix) lines.push(`  ${style('cyan', '→')}${unbroken}${clean(hint(step))}`)
  if (error.requestId) lines.push(style('dim', `  AWS request id: ${clean(error.requestId)}`))
  const text = lines.join('\n')
  stderr.write(`${stderr.isTTY ? wrap(text, stderr.columns || 80) : plainSpaces(text)}\n`)
  if (options.debug) stderr.write(`\n${clean(stackOf(error))}\n`)
  if (options.json) ui.result('', errorObject(error, hint))
}

function stackOf(error: Error): string {
  const own = error.stack ?? error.message
  return error.cause instanceof Error ? `${own}\nCaused by: ${stackOf(error.cause)}` : own
}
