import { defineCommand } from '../app/define-command.js'

export const usage = defineCommand({
  name: 'usage',
  summary: 'Show tokens and dollars by day, model and user',
  examples: [
    ['usage', 'this month, with bars'],
    ['usage --month 2026-10', 'an earlier month'],
    ['usage --open', 'charts in the browser, in one file that loads nothing'],
    ['usage --csv', 'for a spreadsheet'],
  ],
  options: {
    month: { kind: 'word', value: '<yyyy-mm>', text: 'the month to show, in UTC; default: the current one' },
    csv: { kind: 'flag', text: 'print comma-separated values' },
    open: { kind: 'flag', text: 'write a page with charts and open it in the browser' },
  },
  exits: { 3: 'no such lab' },
  callsAws: true,
  async run({ csv = false, open = false, ...options }, context): Promise<number> {
    const { outputOf, usage } = await import('../app/usage.js')
    const { usageCsv, usageJson, usageText } = await import('../ui/usage-view.js')
    const { ui } = context
    const output = outputOf({ csv, open, json: ui.json })
    const found = await usage(options, context)
    if (output === 'csv') ui.result(usageCsv(found), {})
    else if (output === 'page') {
      const { openUsagePage } = await import('../ui/usage-page.js')
      const { path, opened } = await openUsagePage(found, ui)
      ui.result(opened ? `Opened ${path}` : path, { ...usageJson(found), page: path })
    } else ui.result(usageText(found, ui), usageJson(found))
    return 0
  },
})
