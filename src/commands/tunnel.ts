import type { Context, Run } from '../app/context.js'
import { type ReachedInstance, resolveInstance } from '../app/resolve-instance.js'
import { leftSessions, type OpenTunnel, openTunnels, untilStopped } from '../app/tunnel.js'
import { systemClock } from '../core/clock.js'
import { LabError } from '../core/error.js'
import { endSessions } from '../tunnel/leftovers.js'
import { isLoopback, parseTarget } from '../tunnel/targets.js'
import { openBrowser } from '../ui/browser.js'
import { noticeText, openText, trafficText } from '../ui/tunnel-view.js'

export interface TunnelOptions {
  open?: boolean
  bind?: string
  sessions?: string
  plugin?: boolean
  https?: boolean
}

/** How often the line that shows what goes through is written anew. */
const showEvery = 1000
/** The same warning is given once in this time. */
const warnAgainAfter = 10_000

export const run: Run<TunnelOptions> = async (options, context, args) => {
  const { ui, signal } = context
  const targets = (args.length > 0 ? args : ['librechat']).map((text) =>
    parseTarget(text, { https: options.https ?? false }),
  )
  const { plugin } = options
  // Which of its addresses a browser takes nobody knows, so localhost is both.
  const bind = options.bind === 'localhost' ? undefined : options.bind
  const sessions = countOf(options.sessions)
  if (plugin && (options.bind !== undefined || options.sessions !== undefined)) throw pluginTakesNeither()
  const instance = await resolveInstance(options, context)
  if (bind !== undefined && !isLoopback(bind)) {
    ui.emit({
      type: 'warning',
      text: `Everyone who can reach ${bind} on this machine can use the tunnel, without your AWS credentials.`,
    })
  }
  await offerCleanup(instance, context)
  const warn = sparingly((text) => ui.emit({ type: 'warning', text }))
  const tunnels = await openTunnels(
    instance,
    { targets, bind, sessions, plugin: plugin ? { profile: options.profile ?? '' } : undefined },
    (target, notice) => warn(noticeText(notice, target)),
    context,
  )
  announce(tunnels, bind, context)
  if (options.open) await Promise.all(tunnels.map(({ url }) => browse(url, context)))
  try {
    const stopShowing = showTraffic(tunnels, context)
    await untilStopped(tunnels, signal).finally(stopShowing)
  } finally {
    ui.pause()
    const connections = tunnels.reduce((sum, { forward }) => sum + (forward?.traffic.connections ?? 0), 0)
    if (connections > 0) {
      const what = connections === 1 ? '1 open connection is' : `${connections} open connections are`
      ui.emit({ type: 'note', text: `${what} closed; transfers that are not finished end with an error.` })
    }
    await Promise.all(tunnels.map((tunnel) => tunnel.close()))
  }
  return 130
}

function countOf(text: string | undefined): number {
  const count = Number(text ?? 1)
  if (Number.isInteger(count) && count >= 1 && count <= 16) return count
  throw new LabError({
    code: 'bad-option',
    what: `--sessions takes a number from 1 to 16, not ${JSON.stringify(text?.slice(0, 60))}.`,
    why: 'Each session downloads at about 0.7 MB/s, and AWS limits how many an account may have.',
    fix: ['librechat-lab tunnel --sessions 4'],
  })
}

const pluginTakesNeither = () =>
  new LabError({
    code: 'bad-option',
    what: "--plugin can't be combined with --bind or --sessions.",
    why: 'AWS’s plugin listens on loopback only, and opens one session.',
    fix: ['librechat-lab tunnel --plugin', 'librechat-lab tunnel --sessions 4'],
  })

function announce(
  tunnels: readonly OpenTunnel[],
  bind: string | undefined,
  { ui }: Pick<RunContext, 'ui'>,
): void {
  for (const { target, port } of tunnels) {
    if (port === target.localPort) continue
    ui.emit({
      type: 'note',
      text: `Port ${target.localPort} is taken here, so ${target.name} is on ${port}.`,
    })
  }
  ui.result(openText(tunnels), {
    tunnels: tunnels.map(({ target, port, url, addresses }) => ({
      target: target.name,
      url,
      bind: bind ?? '127.0.0.1',
      addresses,
      localPort: port,
      remotePort: target.remotePort,
    })),
  })
}

type RunContext = Parameters<Run>[1]

/** Shows what goes through, in a terminal; a log of a line that changes would be noise. Returns what ends it. */
function showTraffic(tunnels: readonly OpenTunnel[], { ui }: Pick<Context, 'ui'>): () => void {
  const forwards = tunnels.flatMap(({ forward }) => (forward ? [forward] : []))
  let shown: string | undefined
  const show = () => {
    const detail = ui.interactive ? trafficText(forwards) : ''
    if (detail === shown) return
    const state = shown === undefined ? 'started' : 'progress'
    ui.emit({ type: 'task', id: 'tunnel', name: 'tunnel', state, detail })
    shown = detail
  }
  show()
  const timer = setInterval(show, showEvery)
  return () => clearInterval(timer)
}

/** Says each thing once in a while. */
function sparingly(say: (text: string) => void): (text: string) => void {
  const last = new Map<string, number>()
  return (text) => {
    const now = systemClock.now()
    if (now - (last.get(text) ?? Number.NEGATIVE_INFINITY) < warnAgainAfter) return
    last.set(text, now)
    say(text)
  }
}

async function offerCleanup(instance: ReachedInstance, { ui }: Pick<Context, 'ui'>): Promise<void> {
  const left = await leftSessions(instance)
  if (left.length === 0) return
  const what = left.length === 1 ? 'A session is' : `${left.length} sessions are`
  const message = `${what} still open from a tunnel that was killed on this machine.`
  if (!ui.interactive || ui.json) {
    const fix = left.map((id) => `aws ssm terminate-session --session-id ${id}`).join('; ')
    ui.emit({ type: 'note', text: `${message} To end it: ${fix}` })
    return
  }
  const otherwise = 'This is only offered at a terminal.'
  const { ssm } = instance.connection.clients
  if (await ui.confirm({ otherwise, message: `${message} End it?`, default: true }))
    await endSessions(ssm, left)
}

async function browse(url: string, { ui }: Pick<Context, 'ui'>): Promise<void> {
  if (await openBrowser(url)) return
  ui.emit({ type: 'warning', text: `No browser could be opened here. Go to ${url}` })
}
