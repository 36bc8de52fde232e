import { defineCommand } from '../app/define-command.js'

export const scheduleSet = defineCommand({
  name: 'schedule set',
  summary: 'Start and stop the lab at set times',
  examples: [
    ['schedule set --start 08:00 --stop 20:00 --timezone Europe/Berlin', 'on working days'],
    ['schedule set --start 22:00 --stop 06:00 --days daily --timezone UTC', 'stops the next day'],
  ],
  options: {
    start: { kind: 'word', value: '<time>', text: 'when it starts, such as 08:00' },
    stop: { kind: 'word', value: '<time>', text: 'when it stops, such as 20:00' },
    days: {
      kind: 'word',
      value: '<days>',
      text: 'the days on which it starts: mon-fri, mon,wed,fri or daily; default: mon-fri',
    },
    timezone: { kind: 'word', value: '<zone>', text: 'the zone of these times, such as Europe/Berlin' },
  },
  exits: { 2: 'partly done; run it again to finish', 3: 'no such lab' },
  callsAws: true,
  changes: true,
  async run(options, context): Promise<number> {
    const { openLab } = await import('../app/open-lab.js')
    const { askSchedule } = await import('../app/schedule-questions.js')
    const { setSchedule } = await import('../app/schedule.js')
    const { scheduleJson, scheduleSetText } = await import('../ui/schedule-view.js')
    const { start, stop, days, timezone, ...others } = options
    const schedule = await askSchedule({ start, stop, days, timezone }, context)
    const report = await setSchedule(await openLab(others, context), schedule, context)
    context.ui.result(scheduleSetText(report, context.ui), scheduleJson(report, context.ui))
    return 0
  },
})
