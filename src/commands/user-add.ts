import { defineCommand } from '../app/define-command.js'
import { passwordOptions } from '../app/shared-options.js'

export const userAdd = defineCommand({
  name: 'user add',
  summary: 'Create a user; the host generates the password, or you type it',
  examples: [['user add me@example.org', 'the password is shown once']],
  args: [{ name: '<email>', text: 'the user’s e-mail address' }],
  options: {
    'display-name': { kind: 'word', value: '<name>', text: 'the name that LibreChat shows' },
    ...passwordOptions,
  },
  exits: { 3: 'no such lab' },
  callsAws: true,
  changes: true,
  async run(options, context, [email]): Promise<number> {
    const { addLabUser } = await import('../app/lab-users.js')
    const { showNewUser } = await import('../ui/user-view.js')
    showNewUser(await addLabUser(email, options, context), context.ui)
    return 0
  },
})
