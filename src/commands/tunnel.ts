import { defineCommand, type Only } from '../app/define-command.js'
import type { TunnelOptions } from '../app/tunnel.js'

export const tunnel = defineCommand({
  name: 'tunnel',
  summary: 'Reach LibreChat on localhost through Session Manager, without an open port',
  examples: [
    ['tunnel', 'LibreChat on http://localhost:8080'],
    ['tunnel --open', 'also opens the browser'],
    ['tunnel --https', 'LibreChat on https://localhost:8443, with the lab’s own certificate'],
    ['tunnel portainer', 'Portainer on https://localhost:9443'],
    ['tunnel 443:8443 portainer', 'several at once'],
  ],
  args: [
    {
      name: '[targets...]',
      text: 'librechat, portainer, or <port on the host>[:<local port>]',
      offers: ['librechat', 'portainer'],
    },
  ],
  options: {
    open: { kind: 'flag', text: 'open the browser' },
    https: { kind: 'flag', text: 'reach LibreChat by HTTPS, on https://localhost:8443' },
    bind: { kind: 'word', value: '<address>', text: 'listen on this address instead of loopback' },
    sessions: {
      kind: 'word',
      value: '<n>',
      text: 'spread connections over this many sessions, for faster downloads',
    },
    plugin: { kind: 'flag', text: 'use AWS’s session-manager-plugin' },
  },
  exits: { 3: 'no such lab' },
  callsAws: true,
  untilStopped: true,
  async run(options, context, targets): Promise<number> {
    const { tunnel } = await import('../app/tunnel.js')
    const { tunnelView } = await import('../ui/tunnel-view.js')
    return await tunnel(
      options satisfies Only<TunnelOptions, typeof options>,
      targets,
      context,
      tunnelView(context.ui),
    )
  },
})
