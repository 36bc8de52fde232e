import { defineCommand } from '../app/define-command.js'

export const portainerPassword = defineCommand({
  name: 'portainer password',
  summary: 'Show or reset the password of Portainer’s admin',
  examples: [
    ['portainer password', 'show the first password'],
    ['portainer password --reset', 'set a new one'],
  ],
  options: { reset: { kind: 'flag', text: 'set a new password' } },
  exits: { 3: 'no such lab' },
  callsAws: true,
  changes: true,
  async run(options, context): Promise<number> {
    const { portainerLogin } = await import('../app/portainer-login.js')
    const { showLogin } = await import('../ui/portainer-view.js')
    showLogin(await portainerLogin(options, context), context.ui)
    return 0
  },
})
