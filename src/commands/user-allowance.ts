import { defineCommand } from '../app/define-command.js'

export const userAllowance = defineCommand({
  name: 'user allowance',
  summary: 'Show what users may spend in a month, or change it for one',
  examples: [
    ['user allowance', 'every user: allowance, spent, left'],
    ['user allowance me@example.org 25', '25 dollars a month, from now on'],
    ['user allowance me@example.org default', 'what the lab gives every user'],
  ],
  args: [
    { name: '[email]', text: 'the user’s e-mail address; default: all users' },
    { name: '[amount]', text: 'dollars a calendar month, or default' },
  ],
  exits: { 3: 'no such lab' },
  callsAws: true,
  changes: true,
  async run(options, context, [email, amount]): Promise<number> {
    const { labAllowances } = await import('../app/allowances.js')
    const { allowancesText } = await import('../ui/user-view.js')
    const found = await labAllowances({ email, amount }, options, context)
    context.ui.result(allowancesText(found, context.ui), found)
    return 0
  },
})
