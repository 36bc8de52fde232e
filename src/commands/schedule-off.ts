import { defineCommand } from '../app/define-command.js'

export const scheduleOff = defineCommand({
  name: 'schedule off',
  summary: 'Remove the schedule; the lab stays as it is now',
  examples: [['schedule off', 'nothing starts or stops the lab by itself any more']],
  exits: { 2: 'partly done; run it again to finish', 3: 'no such lab' },
  callsAws: true,
  changes: true,
  async run(options, context): Promise<number> {
    const { openLab } = await import('../app/open-lab.js')
    const { endSchedule } = await import('../app/schedule.js')
    const { scheduleJson, scheduleOffText } = await import('../ui/schedule-view.js')
    const report = await endSchedule(await openLab(options, context), context)
    context.ui.result(scheduleOffText(report, context.ui), scheduleJson(report, context.ui))
    return 0
  },
})
