import { defineCommand } from '../app/define-command.js'

export const open = defineCommand({
  name: 'open',
  summary: 'Open LibreChat in the browser',
  examples: [
    ['open', 'https://<address of the lab>'],
    ['open portainer', 'Portainer'],
  ],
  args: [{ name: '[target]', text: 'librechat (default) or portainer', choices: ['librechat', 'portainer'] }],
  exits: { 3: 'no such lab' },
  callsAws: true,
  async run(options, context, [target = 'librechat']): Promise<number> {
    const { pageOf } = await import('../app/page-of.js')
    const { openBrowser } = await import('../ui/browser.js')
    const { ui } = context
    const url = await pageOf(target, options, context)
    // Nothing listens at the address of a rehearsal.
    const opened = !options.rehearse && (await openBrowser(url))
    if (!opened && !options.rehearse)
      ui.emit({ type: 'warning', text: 'Could not open a browser. Open this page yourself:' })
    ui.result(opened ? `Opened ${url}` : url, { url, opened })
    return 0
  },
})
