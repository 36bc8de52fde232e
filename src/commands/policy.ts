import { defineCommand } from '../app/define-command.js'

export const policy = defineCommand({
  name: 'policy',
  summary: 'Print the least-privilege IAM policy for using librechat-lab',
  examples: [
    ['policy', 'for all commands'],
    ['policy status tunnel', 'for these commands only'],
  ],
  args: [{ name: '[commands...]', text: 'the commands to allow; default: all' }],
  async run({ region = 'us-east-1' }, { ui }, commands): Promise<number> {
    const { policiesFor } = await import('../app/policy.js')
    const policies = policiesFor(commands, region)
    const [only] = policies
    const printed = only && policies.length === 1 ? only : policies
    ui.result(JSON.stringify(printed, null, 2), printed)
    if (policies.length > 1) {
      ui.emit({
        type: 'note',
        text: `This is too long for one managed policy. Create ${policies.length} policies, one from each element of the list.`,
      })
    }
    return 0
  },
})
