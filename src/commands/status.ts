import { defineCommand } from '../app/define-command.js'

export const status = defineCommand({
  name: 'status',
  summary: 'Show current state and drift',
  examples: [
    ['status', 'each resource, the host’s health, who can reach it, the cost'],
    ['status --chat', 'also send a request to each model'],
    ['status --watch', 'keep showing it'],
    ['status --json', 'for a script'],
  ],
  options: {
    chat: { kind: 'flag', text: 'check that each model in the menu answers' },
    watch: { kind: 'flag', text: 'show it again every 10 seconds, until you press Ctrl-C' },
  },
  exits: {
    0: 'healthy, or stopped on purpose',
    2: 'the lab exists but is not as it should be',
    3: 'no such lab',
  },
  callsAws: true,
  untilStopped: true,
  async run(options, context): Promise<number> {
    const { openLab } = await import('../app/open-lab.js')
    const { lookAtStatus } = await import('../app/status.js')
    const { statusJson, statusText } = await import('../ui/status-view.js')
    if (options.watch) {
      const { watchStatus } = await import('../app/watch-status.js')
      const { ui } = context
      const how = ui.style('dim', 'Shown again every 10 seconds. Press Ctrl-C to stop.')
      return await watchStatus(options, context, (status) => ui.redraw(`${statusText(status, ui)}\n\n${how}`))
    }
    const status = await lookAtStatus(
      await openLab(options, context, { readsPath: true }),
      { chat: options.chat ?? false },
      context,
    )
    context.ui.result(statusText(status, context.ui), statusJson(status, context.ui))
    return status.exitCode
  },
})
