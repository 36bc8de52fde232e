import { defineCommand } from '../app/define-command.js'

export const logs = defineCommand({
  name: 'logs',
  summary: 'Show service logs',
  examples: [
    ['logs', 'LibreChat’s last lines'],
    ['logs proxy --follow', 'keeps printing new lines'],
  ],
  args: [
    {
      name: '[service]',
      text: 'librechat (default), mongodb, meilisearch, proxy or portainer',
      offers: ['librechat', 'mongodb', 'meilisearch', 'proxy', 'portainer'],
    },
  ],
  options: { follow: { kind: 'flag', short: 'f', text: 'keep printing new lines' } },
  exits: { 3: 'no such lab' },
  callsAws: true,
  async run({ follow = false, ...options }, context, [name = 'librechat']): Promise<number> {
    const { readLogs, serviceOf, writeLogs } = await import('../app/logs.js')
    const { resolveInstance } = await import('../app/resolve-instance.js')
    const { ui } = context
    const service = serviceOf(name, { follow, json: ui.json })
    const instance = await resolveInstance(options, context)
    ui.pause()
    if (!ui.json) return writeLogs(instance, { service, follow }, process.stdout, context)
    const { code, lines } = await readLogs(instance, service, process.stdout, context)
    ui.result('', { service, lines })
    return code
  },
})
