import { defineCommand } from '../app/define-command.js'

export const stop = defineCommand({
  name: 'stop',
  summary: 'Stop the lab; its data and its address are kept',
  examples: [['stop', 'says what a stopped lab costs']],
  exits: { 3: 'no such lab' },
  callsAws: true,
  changes: true,
  async run(options, context): Promise<number> {
    const { openLab } = await import('../app/open-lab.js')
    const { stopLab } = await import('../app/stop.js')
    const { stoppedJson, stoppedText } = await import('../ui/rest-view.js')
    const stopped = await stopLab(await openLab(options, context), context)
    context.ui.result(stoppedText(stopped, context.ui), stoppedJson(stopped))
    return 0
  },
})
