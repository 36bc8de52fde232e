import { defineCommand } from '../app/define-command.js'

export const policy = defineCommand({
  name: 'policy',
  summary: 'Print the least-privilege IAM policy for using librechat-lab',
  examples: [
    ['policy', 'for all commands'],
    ['policy status tunnel', 'for these commands only'],
  ],
  args: [{ name: '[commands...]', text: 'the commands to allow; default: all' }],
  load: () => import('./policy.js'),
})
