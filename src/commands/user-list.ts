import { defineCommand } from '../app/define-command.js'

export const userList = defineCommand({
  name: 'user list',
  summary: 'List users',
  examples: [['user list', 'each with name and creation date']],
  exits: { 3: 'no such lab' },
  callsAws: true,
  async run(options, context): Promise<number> {
    const { labUsers } = await import('../app/lab-users.js')
    const { usersText } = await import('../ui/user-view.js')
    const users = await labUsers(options, context)
    context.ui.result(usersText(users, context.ui), { users })
    return 0
  },
})
