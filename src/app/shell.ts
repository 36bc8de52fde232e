import { LabError } from '../core/error.js'
import type { Terminal } from '../tunnel/terminal.js'
import type { CommandContext, GlobalOptions } from './context.js'
import { runOnHost } from './remote-terminal.js'
import { resolveInstance } from './resolve-instance.js'

/** Runs a shell on the host until it ends; the exit code. LabError `bad-option` with `--json`. */
export async function runShell(
  options: GlobalOptions,
  terminal: Terminal,
  context: CommandContext,
): Promise<number> {
  const { ui } = context
  if (ui.json) {
    throw new LabError({
      code: 'bad-option',
      what: "shell can't be combined with --json.",
      why: 'The output of a shell is not one JSON object.',
      fix: [{ command: { path: 'shell' } }, { command: { path: 'status', flags: { json: true } } }],
    })
  }
  const instance = await resolveInstance(options, context)
  ui.emit({ type: 'note', text: `A shell on ${instance.instanceId}. Type exit to leave it.` })
  ui.pause()
  return await runOnHost(instance, {}, terminal, context)
}
