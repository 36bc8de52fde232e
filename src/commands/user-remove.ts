import { defineCommand } from '../app/define-command.js'

export const userRemove = defineCommand({
  name: 'user remove',
  summary: 'Delete a user and their conversations',
  examples: [['user remove me@example.org', 'asks for the address again']],
  args: [{ name: '<email>', text: 'the user’s e-mail address' }],
  options: {
    confirm: { kind: 'word', value: '<email>', text: 'the address again, to confirm the deletion' },
  },
  exits: { 3: 'no such lab' },
  callsAws: true,
  changes: true,
  async run(options, context, [email]): Promise<number> {
    const { removeLabUser } = await import('../app/lab-users.js')
    await removeLabUser(email, options, context)
    context.ui.result(`Deleted ${email}.`, { removed: email })
    return 0
  },
})
