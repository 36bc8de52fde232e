import type { Run } from '../app/context.js'
import { runOnHost } from '../app/remote-terminal.js'
import { resolveInstance } from '../app/resolve-instance.js'
import { LabError } from '../core/error.js'

export const run: Run = async (options, context) => {
  const { ui } = context
  if (ui.json) {
    throw new LabError({
      code: 'bad-option',
      what: "shell can't be combined with --json.",
      why: 'A shell writes what its programs write, which is not one JSON object.',
      fix: ['librechat-lab shell', 'librechat-lab status --json'],
    })
  }
  const instance = await resolveInstance(options, context)
  ui.emit({ type: 'note', text: `A shell on ${instance.instanceId}. Leave it with exit.` })
  ui.pause()
  return runOnHost(instance, {}, { input: process.stdin, output: process.stdout }, context)
}
