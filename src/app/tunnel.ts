import { LabError } from '../core/error.js'
import { endSessions } from '../tunnel/leftovers.js'
import { isLoopback, parseTarget } from '../tunnel/targets.js'
import type { CommandContext, Context, GlobalOptions } from './context.js'
import {
  leftSessions,
  type Notice,
  type OpenTunnel,
  openTunnels,
  type Target,
  type Traffic,
  untilStopped,
} from './open-tunnels.js'
import { type ReachedInstance, resolveInstance } from './resolve-instance.js'

export interface TunnelOptions {
  open?: boolean
  bind?: string
  sessions?: string
  plugin?: boolean
  https?: boolean
}

/** How open tunnels are shown. */
export interface TunnelView {
  opened(tunnels: readonly OpenTunnel[], bind: string | undefined): void
  /** The transferred data in one line; does nothing if no live line can be shown. */
  traffic(traffic: readonly Traffic[]): string
  notice(notice: Notice, target: Target): string
  /** Opens the browser; returns whether that worked. */
  browse(url: string): Promise<boolean>
}

/** How often the traffic line is updated. */
const showEvery = 1000
/** The same warning is shown once in this time. */
const warnAgainAfter = 10_000

/** Opens the tunnels and keeps them open until the signal aborts; the exit code. */
export async function tunnel(
  options: TunnelOptions & GlobalOptions,
  names: readonly string[],
  context: CommandContext,
  view: TunnelView,
): Promise<number> {
  const { ui, signal } = context
  const targets = (names.length > 0 ? names : ['librechat']).map((text) =>
    parseTarget(text, { https: options.https ?? false }),
  )
  const { plugin } = options
  // A browser may use either of localhost's addresses, so localhost listens on both.
  const bind = options.bind === 'localhost' ? undefined : options.bind
  const sessions = countOf(options.sessions)
  if (plugin && (options.bind !== undefined || options.sessions !== undefined)) throw pluginTakesNeither()
  const instance = await resolveInstance(options, context)
  warnOfBind(bind, context)
  await offerCleanup(instance, context)
  const warn = sparingly((text) => ui.emit({ type: 'warning', text }), context)
  const tunnels = await openTunnels(
    instance,
    { targets, bind, sessions, plugin: plugin ? { profile: options.profile ?? '' } : undefined },
    (target, notice) => warn(view.notice(notice, target)),
    context,
  )
  noteOtherPorts(tunnels, context)
  view.opened(tunnels, bind)
  if (options.open) await Promise.all(tunnels.map(({ url }) => browse(url, view, context)))
  try {
    const stopShowing = showTraffic(tunnels, view, context)
    await untilStopped(tunnels, signal).finally(stopShowing)
  } finally {
    ui.pause()
    noteClosed(tunnels, context)
    await Promise.all(tunnels.map((one) => one.close()))
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
    fix: [{ command: { keeps: true, path: 'tunnel', flags: { sessions: '4' } } }],
  })
}

const pluginTakesNeither = () =>
  new LabError({
    code: 'bad-option',
    what: "--plugin can't be combined with --bind or --sessions.",
    why: 'AWS’s plugin listens on loopback only, and opens one session.',
    fix: [
      {
        command: {
          keeps: true,
          path: 'tunnel',
          flags: { plugin: true, bind: undefined, sessions: undefined },
        },
      },
      { command: { keeps: true, path: 'tunnel', flags: { plugin: undefined, sessions: '4' } } },
    ],
  })

function warnOfBind(bind: string | undefined, { ui }: Context): void {
  if (bind === undefined || isLoopback(bind)) return
  ui.emit({
    type: 'warning',
    text: `Everyone who can reach ${bind} on this machine can use the tunnel, without your AWS credentials.`,
  })
}

function noteOtherPorts(tunnels: readonly OpenTunnel[], { ui }: Context): void {
  for (const { target, port } of tunnels) {
    if (port === target.localPort) continue
    ui.emit({
      type: 'note',
      text: `Local port ${target.localPort} is in use, so ${target.name} is on ${port}.`,
    })
  }
}

function noteClosed(tunnels: readonly OpenTunnel[], { ui }: Context): void {
  const connections = tunnels.reduce((sum, { traffic }) => sum + (traffic?.().connections ?? 0), 0)
  if (connections === 0) return
  const what = connections === 1 ? '1 open connection is' : `${connections} open connections are`
  ui.emit({ type: 'note', text: `${what} closed; unfinished transfers end with an error.` })
}

/** Shows the traffic while the tunnels are open. Returns a function that stops it. */
function showTraffic(tunnels: readonly OpenTunnel[], view: TunnelView, { ui }: Context): () => void {
  const all = tunnels.flatMap(({ traffic }) => traffic ?? [])
  let shown: string | undefined
  const show = () => {
    const detail = ui.interactive ? view.traffic(all.map((traffic) => traffic())) : ''
    if (detail === shown) return
    const state = shown === undefined ? 'started' : 'progress'
    ui.emit({ type: 'task', id: 'tunnel', name: 'tunnel', state, detail })
    shown = detail
  }
  show()
  const timer = setInterval(show, showEvery)
  return () => clearInterval(timer)
}

/** Limits how often the same warning is shown. */
function sparingly(say: (text: string) => void, { clock }: Context): (text: string) => void {
  const last = new Map<string, number>()
  return (text) => {
    const now = clock.now()
    if (now - (last.get(text) ?? Number.NEGATIVE_INFINITY) < warnAgainAfter) return
    last.set(text, now)
    say(text)
  }
}

async function offerCleanup(instance: ReachedInstance, { ui }: Context): Promise<void> {
  const left = await leftSessions(instance)
  if (left.length === 0) return
  const what = left.length === 1 ? 'A session is' : `${left.length} sessions are`
  const message = `${what} still open from a tunnel that was killed on this machine.`
  if (!ui.interactive || ui.json) {
    const fix = left.flatMap((id, i) => [
      i === 0 ? ' To end it: ' : '; ',
      { run: `aws ssm terminate-session --session-id ${id}` },
    ])
    ui.emit({ type: 'note', text: [message, ...fix] })
    return
  }
  const otherwise = 'This is only offered at a terminal.'
  const { ssm } = instance.connection.clients
  if (await ui.confirm({ otherwise, message: `${message} End it?`, default: true }))
    await endSessions(ssm, left)
}

async function browse(url: string, view: TunnelView, { ui }: Context): Promise<void> {
  if (await view.browse(url)) return
  ui.emit({ type: 'warning', text: `Could not open a browser. Open this page yourself: ${url}` })
}
