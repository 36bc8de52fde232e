import { defineCommand } from '../app/define-command.js'

export const logs = defineCommand({
  name: 'logs',
  summary: 'Show service logs',
  examples: [
    ['logs', 'LibreChat’s last lines'],
    ['logs proxy --follow', 'keeps printing new lines'],
    ['logs --since 2h --tail 1000', 'of the last two hours, 1,000 lines at most'],
  ],
  args: [
    {
      name: '[service]',
      text: 'librechat (default), mongodb, meilisearch, proxy or portainer',
      offers: ['librechat', 'mongodb', 'meilisearch', 'proxy', 'portainer'],
    },
  ],
  options: {
    follow: { kind: 'flag', short: 'f', text: 'keep printing new lines' },
    since: {
      kind: 'word',
      value: '<time>',
      text: 'only lines since then: 90m, 2h, 3d, or a date such as 2026-11-26T08:00:00Z',
    },
    tail: { kind: 'word', value: '<n>', text: 'only the last lines, or all; default: 200, with --since all' },
  },
  exits: { 3: 'no such lab' },
  callsAws: true,
  untilStopped: true,
  async run(options, context, [name = 'librechat']): Promise<number> {
    const { logRequest, readLogs, writeLogs } = await import('../app/logs.js')
    const { resolveInstance } = await import('../app/resolve-instance.js')
    const { ui } = context
    const request = logRequest(name, options, ui)
    const instance = await resolveInstance(options, context)
    ui.pause()
    if (!ui.json) return writeLogs(instance, request, context.stdout, context)
    const { code, lines } = await readLogs(instance, request, context.stdout, context)
    ui.result('', { service: request.service, lines })
    return code
  },
})
