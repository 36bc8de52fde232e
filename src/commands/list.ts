import { defineCommand } from '../app/define-command.js'

export const list = defineCommand({
  name: 'list',
  summary: 'List the labs of a region, or of all regions',
  examples: [
    ['list', 'this region'],
    ['list --all-regions', 'all regions at once'],
  ],
  options: { 'all-regions': { kind: 'flag', text: 'search every region that the account has enabled' } },
  callsAws: true,
  ofNoLab: true,
  async run(options, context): Promise<number> {
    const { findLabs } = await import('../app/find-labs.js')
    const { labsJson, labsText } = await import('../ui/labs-view.js')
    const found = await findLabs(options, context)
    context.ui.result(labsText(found, context.ui), labsJson(found))
    return 0
  },
})
