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
  load: () => import('./logs.js'),
})
