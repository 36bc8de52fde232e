import { defineCommand } from '../app/define-command.js'

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'Run all preflight checks; change nothing',
  examples: [
    ['doctor', 'before the first up'],
    ['doctor --instance-type m7g.large', 'check another instance type'],
  ],
  options: {
    'instance-type': { kind: 'word', value: '<type>', text: 'check this instance type' },
    'subnet-id': { kind: 'word', value: '<id>', text: 'check this subnet' },
    models: { kind: 'word', value: '<ids>', text: 'check these models, comma-separated' },
  },
  callsAws: true,
  async run(options, context): Promise<number> {
    const { examine } = await import('../app/doctor.js')
    const { findingsJson, findingsText } = await import('../ui/findings-view.js')
    const findings = await examine(options, context)
    context.ui.result(findingsText(findings, context.ui), findingsJson(findings, context.ui))
    return findings.every(({ problem }) => !problem) ? 0 : 1
  },
})
