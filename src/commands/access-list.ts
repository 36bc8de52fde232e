import { defineCommand } from '../app/define-command.js'

export const accessList = defineCommand({
  name: 'access list',
  summary: 'List the addresses that can reach the lab',
  examples: [['access list', 'each range, and whether you are in it']],
  exits: { 3: 'no such lab' },
  callsAws: true,
  async run(options, context): Promise<number> {
    const { listAccess } = await import('../app/access.js')
    const { accessJson, accessText } = await import('../ui/access-view.js')
    const access = await listAccess(options, context)
    context.ui.result(accessText(access, context.ui), accessJson(access))
    return 0
  },
})
