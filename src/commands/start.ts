import { defineCommand } from '../app/define-command.js'

export const start = defineCommand({
  name: 'start',
  summary: 'Start a stopped lab and wait until it is healthy',
  examples: [['start', 'takes about two minutes']],
  exits: { 2: 'it was started and is not healthy', 3: 'no such lab' },
  callsAws: true,
  changes: true,
  async run(options, context): Promise<number> {
    const { openLab } = await import('../app/open-lab.js')
    const { startLab } = await import('../app/start.js')
    const { startedJson, startedText } = await import('../ui/rest-view.js')
    const started = await startLab(await openLab(options, context), context)
    context.ui.result(startedText(started, context.ui), startedJson(started, context.ui))
    return started.health.healthy ? 0 : 2
  },
})
