import { defineCommand } from '../app/define-command.js'

export const shell = defineCommand({
  name: 'shell',
  summary: 'Open a shell on the host through Session Manager',
  examples: [['shell', 'leave it with exit']],
  exits: { 3: 'no such lab' },
  callsAws: true,
  untilStopped: true,
  async run(options, context): Promise<number> {
    const { runShell } = await import('../app/shell.js')
    return await runShell(options, { input: context.stdin, output: context.stdout }, context)
  },
})
