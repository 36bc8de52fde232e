import { defineCommand } from '../app/define-command.js'
import { passwordOptions } from '../app/shared-options.js'

export const userResetPassword = defineCommand({
  name: 'user reset-password',
  summary: 'Give a user a new password',
  examples: [['user reset-password me@example.org', 'the password is shown once']],
  args: [{ name: '<email>', text: 'the user’s e-mail address' }],
  options: passwordOptions,
  exits: { 3: 'no such lab' },
  callsAws: true,
  changes: true,
  async run(options, context, [email]): Promise<number> {
    const { resetLabPassword } = await import('../app/lab-users.js')
    const { showUser } = await import('../ui/user-view.js')
    showUser('Set a new password for', await resetLabPassword(email, options, context), context.ui)
    return 0
  },
})
