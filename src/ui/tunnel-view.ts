import type { Notice, OpenTunnel, Target, Traffic } from '../app/open-tunnels.js'
import type { TunnelView } from '../app/tunnel.js'
import { openBrowser } from './browser.js'
import type { Ui } from './ui.js'

export const tunnelView = (ui: Ui): TunnelView => ({
  opened: (tunnels, bind) => ui.result(openText(tunnels), openJson(tunnels, bind)),
  traffic: trafficText,
  notice: (notice, target) => noticeText(notice, target, ui),
  browse: openBrowser,
})

const openJson = (tunnels: readonly OpenTunnel[], bind: string | undefined) => ({
  tunnels: tunnels.map(({ target, port, url, addresses }) => ({
    target: target.name,
    url,
    bind: bind ?? '127.0.0.1',
    addresses,
    localPort: port,
    remotePort: target.remotePort,
  })),
})

/** The open tunnels, and how to close them. */
const openText = (tunnels: readonly OpenTunnel[]): string =>
  [...tunnels.map(({ target, url }) => `${target.name}: ${url}`), '', 'Press Ctrl-C to close it.'].join('\n')

const count = (n: number, word: string) => `${n} ${word}${n === 1 ? '' : 's'}`

/** The transferred data, in one line. */
function trafficText(all: readonly Traffic[]): string {
  const sum = (pick: (one: Traffic) => number) => all.reduce((total, one) => total + pick(one), 0)
  const parts = [
    count(
      sum((one) => one.connections),
      'connection',
    ),
    `${bytes(sum((one) => one.bytesDown))} down`,
    `${bytes(sum((one) => one.bytesUp))} up`,
  ]
  const roundTrip = Math.max(0, ...all.map((one) => one.roundTrip))
  if (roundTrip > 0) parts.push(`${Math.round(roundTrip)} ms`)
  const reconnects = sum((one) => one.reconnects)
  if (reconnects > 0) parts.push(count(reconnects, 'reconnect'))
  return parts.join(' · ')
}

function bytes(n: number): string {
  if (n < 1e3) return `${n} B`
  if (n < 1e6) return `${(n / 1e3).toFixed(1)} kB`
  return n < 1e9 ? `${(n / 1e6).toFixed(1)} MB` : `${(n / 1e9).toFixed(2)} GB`
}

/** A tunnel's event as text. */
function noticeText(notice: Notice, { name, remotePort }: Target, { hint }: Pick<Ui, 'hint'>): string {
  switch (notice.type) {
    case 'refused':
      return `Nothing listens on port ${remotePort} of the instance. To see what runs there: ${hint({ command: { path: 'status' } })}`
    case 'broken':
      return `${name}: the connection to AWS broke. It is being resumed; open connections wait.`
    case 'resumed':
      return `${name}: the connection to AWS is back.`
    case 'let-go':
      return `${name}: a connection that read nothing for 15 seconds was closed, because it blocked others. With --sessions 4, fewer connections share a session.`
    case 'stuck':
      return `${name}: a session made no progress. Its ${count(notice.connections, 'connection')} ended with an error; a new session takes the next ones.`
    case 'session-ended':
      return `${name}: the session has ended. ${notice.reason || 'The instance gave no reason'}. The next connection opens a new one.`
    case 'no-session': {
      const { error } = notice
      return `${name}: could not open or keep a session. ${error instanceof Error ? error.message : error} The next connection tries again.`
    }
  }
}
