import { defineCommand } from '../app/define-command.js'

export const scheduleShow = defineCommand({
  name: 'schedule show',
  summary: 'Show when the lab starts and stops',
  examples: [['schedule show', 'the schedule, the next start and stop, and what it saves']],
  exits: { 0: 'as it should be, or no schedule', 2: 'AWS differs from it', 3: 'no such lab' },
  callsAws: true,
  async run(options, context): Promise<number> {
    const { openLab } = await import('../app/open-lab.js')
    const { lookAtSchedule } = await import('../app/schedule.js')
    const { scheduleJson, scheduleShowText } = await import('../ui/schedule-view.js')
    const report = await lookAtSchedule(await openLab(options, context), context)
    context.ui.result(scheduleShowText(report, context.ui), scheduleJson(report, context.ui))
    return report.drift.length > 0 ? 2 : 0
  },
})
