import { connect as dial } from 'node:net'
import { hostname } from 'node:os'
import type { CommandContext, Context, GlobalOptions, Run } from '../app/context.js'
import { resolveInstance } from '../app/resolve-instance.js'
import { systemClock } from '../core/clock.js'
import { LabError } from '../core/error.js'
import { explainStart } from '../tunnel/advice.js'
import { Forward } from '../tunnel/forward.js'
import { endSessions, leftovers } from '../tunnel/leftovers.js'
import { openWithPlugin } from '../tunnel/plugin.js'
import { isLoopback, parseTarget, type Target, urlOf } from '../tunnel/targets.js'
import { openBrowser } from '../ui/browser.js'
import { noticeText, trafficText } from '../ui/tunnel-view.js'

export interface TunnelOptions {
  open?: boolean
  bind?: string
  sessions?: string
  plugin?: boolean
}

/** How often the line that shows what goes through is written anew. */
const showEvery = 1000
/** The same warning is given once in this time. */
const warnAgainAfter = 10_000

/** A tunnel that stands. */
interface Open {
  target: Target
  port: number
  url: string
  forward?: Forward
  ended?: Promise<void>
  close(): Promise<void>
}

export const run: Run<TunnelOptions> = async (options, context, args) => {
  const { ui, signal } = context
  const targets = (args.length > 0 ? args : ['librechat']).map(parseTarget)
  const sessions = countOf(options.sessions)
  const bind = options.bind ?? '127.0.0.1'
  if (options.plugin && (options.bind !== undefined || options.sessions !== undefined)) {
    throw new LabError({
      code: 'bad-option',
      what: '--plugin goes with neither --bind nor --sessions.',
      why: 'AWS’s plugin listens on loopback only, and opens one session.',
      fix: ['librechat-lab tunnel --plugin', 'librechat-lab tunnel --sessions 4'],
    })
  }
  const reached = await resolveInstance(options, context)
  if (!isLoopback(bind)) {
    ui.emit({
      type: 'warning',
      text: `Everybody who can reach ${bind} on this machine can reach the tunnel, without your AWS credentials.`,
    })
  }
  await offerCleanup(reached, context)
  const opening = targets.map((target) =>
    options.plugin
      ? openPlugin(target, reached, options, context)
      : openTunnel(target, { ...reached, bind, sessions }, context),
  )
  const results = await Promise.allSettled(opening)
  const tunnels = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const refused = results.find((result) => result.status === 'rejected')
  if (refused) {
    await Promise.all(tunnels.map((tunnel) => tunnel.close()))
    throw await explainStart(refused.reason, reached.connection.clients, reached.instanceId)
  }
  announce(tunnels, bind, context)
  if (options.open) await Promise.all(tunnels.map(({ url }) => browse(url, context)))
  const over = new AbortController()
  await Promise.race([
    untilStopped(tunnels, { ui, signal: AbortSignal.any([signal, over.signal]) }),
    ...tunnels.flatMap(({ ended }) => (ended ? [ended] : [])),
  ])
  over.abort()
  ui.pause()
  await Promise.all(tunnels.map((tunnel) => tunnel.close()))
  if (signal.aborted) return 130
  throw new LabError({
    code: 'plugin-ended',
    what: 'AWS’s session-manager-plugin has ended, and the tunnel with it.',
    why: 'It ends after a time without traffic, and when its connection breaks.',
    fix: ['librechat-lab tunnel   comes back by itself, without the plugin'],
    fault: 'aws',
  })
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

type Reached = Awaited<ReturnType<typeof resolveInstance>>

async function openTunnel(
  target: Target,
  { instanceId, surroundings, reason, bind, sessions }: Reached & { bind: string; sessions: number },
  { ui, signal }: Context,
): Promise<Open> {
  const { remotePort, localPort } = target
  const warn = sparingly((text: string) => ui.emit({ type: 'warning', text }))
  const forward = await Forward.open(
    { instanceId, remotePort, localPort, bind, sessions, reason },
    surroundings,
    (notice) => warn(noticeText(notice, target)),
    signal,
  )
  if (forward.port !== localPort) {
    ui.emit({
      type: 'note',
      text: `Port ${localPort} is taken here, so ${target.name} is on ${forward.port}.`,
    })
  }
  // Somebody may be missing on the remote side: better heard now than from the browser.
  await knock(forward.port, bind)
  const close = () => forward.close()
  return { target, forward, port: forward.port, url: urlOf(target, bind, forward.port), close }
}

async function openPlugin(
  target: Target,
  { instanceId, connection }: Reached,
  options: GlobalOptions,
  { env, clock, signal }: Context,
): Promise<Open> {
  const { clients, region } = connection
  const opened = await openWithPlugin(
    { instanceId, ...target, region, profile: options.profile ?? '' },
    { ssm: clients.ssm, env, clock, signal },
  )
  return { target, url: urlOf(target, '127.0.0.1', opened.port), ...opened }
}

/** Connects once and leaves: when nothing listens over there, the notice of that comes within this time. */
async function knock(port: number, bind: string): Promise<void> {
  const host = bind === '0.0.0.0' || bind === '::' ? 'localhost' : bind
  const socket = dial({ port, host })
  socket.on('error', () => {})
  socket.setTimeout(1000, () => socket.destroy())
  socket.on('data', () => socket.destroy())
  // Not events.once, which takes a reset, the very thing that is listened for, for a failure.
  await new Promise((resolve) => socket.on('close', resolve))
}

function announce(tunnels: Open[], bind: string, { ui }: CommandContext): void {
  const lines = tunnels.map(({ target, url }) => `${target.name}: ${url}`)
  ui.result([...lines, '', 'Ctrl-C ends it.'].join('\n'), {
    tunnels: tunnels.map(({ target, port, url }) => ({
      target: target.name,
      url,
      bind,
      localPort: port,
      remotePort: target.remotePort,
    })),
  })
}

/** Shows what goes through until the person has had enough. */
async function untilStopped(tunnels: Open[], { ui, signal }: Pick<Context, 'ui' | 'signal'>): Promise<void> {
  const forwards = tunnels.flatMap(({ forward }) => (forward ? [forward] : []))
  let shown = ''
  while (!signal.aborted) {
    // A line that changes is for a terminal; a log of it would be noise.
    const detail = ui.interactive ? trafficText(forwards) : ''
    if (detail !== shown) {
      ui.emit({ type: 'task', id: 'tunnel', name: 'tunnel', state: shown ? 'progress' : 'started', detail })
    }
    shown = detail
    await systemClock.sleep(showEvery, signal).catch(() => {})
  }
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

async function offerCleanup({ connection, instanceId }: Reached, { ui }: Context): Promise<void> {
  const { ssm } = connection.clients
  const left = await leftovers(ssm, instanceId, { machine: hostname(), isAlive })
  if (left.length === 0) return
  const what = left.length === 1 ? 'A session is' : `${left.length} sessions are`
  const message = `${what} still open from a tunnel that was killed on this machine.`
  if (!ui.interactive || ui.json) {
    const fix = left.map((id) => `aws ssm terminate-session --session-id ${id}`).join('; ')
    ui.emit({ type: 'note', text: `${message} To end it: ${fix}` })
    return
  }
  const otherwise = 'This is only offered at a terminal.'
  if (await ui.confirm({ otherwise, message: `${message} End it?`, default: true }))
    await endSessions(ssm, left)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

async function browse(url: string, { ui }: Context): Promise<void> {
  if (await openBrowser(url)) return
  ui.emit({ type: 'warning', text: `No browser could be opened here. Go to ${url}` })
}
