import type { AccessOptions } from '../app/change-access.js'
import { defineCommand, type Only } from '../app/define-command.js'

export const accessAdd = defineCommand({
  name: 'access add',
  summary: 'Let a person or a place in',
  examples: [
    ['access add 198.50.100.7', 'one address'],
    ['access add 198.50.100.0/24', 'a range'],
    ['access add detect', 'the address that you connect from now'],
  ],
  args: [{ name: '<range>', text: 'an IPv4 address or range, or detect', offers: ['detect'] }],
  options: {
    yes: { kind: 'flag', short: 'y', text: 'skip the prompt' },
    'dry-run': { kind: 'flag', text: 'show the change and make none' },
    'allow-everyone': { kind: 'flag', text: 'required when the ranges together are wider than a /16' },
  },
  exits: { 2: 'partly done; run it again to finish', 3: 'no such lab' },
  callsAws: true,
  changes: true,
  async run(options, context, [range]): Promise<number> {
    const { addAccess } = await import('../app/change-access.js')
    const { accessView } = await import('../ui/access-view.js')
    return await addAccess(
      range,
      options satisfies Only<AccessOptions, typeof options>,
      context,
      accessView(context.ui),
    )
  },
})
