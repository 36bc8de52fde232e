import { connect as dial } from 'node:net'
import { hostname } from 'node:os'
import { type Connection, connect } from '../aws/connect.js'
import { proxyAgents } from '../aws/proxy.js'
import { systemClock } from '../engine/clock.js'
import { LabError } from '../engine/error.js'
import { findInstance } from '../lab/find.js'
import { checkedName } from '../lab/names.js'
import { explainStart, requireRunning } from '../tunnel/advice.js'
import { Forward, type Notice } from '../tunnel/forward.js'
import { endSessions, leftovers, reasonFor } from '../tunnel/leftovers.js'
import { openWithPlugin } from '../tunnel/plugin.js'
import type { SessionSurroundings } from '../tunnel/session.js'
import { isLoopback, parseTarget, type Target, urlOf } from '../tunnel/targets.js'
import { openBrowser } from '../ui/browser.js'
import type { Context, GlobalOptions, Run } from './context.js'

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

/** What every command needs that talks to the instance over a session. */
export async function reachInstance(
  options: GlobalOptions,
  context: Context,
): Promise<{
  connection: Connection
  instanceId: string
  surroundings: SessionSurroundings
  reason: string
}> {
  const connection = await connect(options, context)
  const { clients, region, credentials } = connection
  const { instanceId, state } = await findInstance(clients, checkedName(options.name))
  requireRunning(instanceId, state, region)
  return {
    connection,
    instanceId,
    // The network's own time: a session is real even where everything else is played faster.
    surroundings: {
      clock: systemClock,
      ssm: clients.ssm,
      signer: { region, credentials },
      agent: (await proxyAgents(context.env))?.httpsAgent,
    },
    reason: reasonFor({ machine: hostname(), pid: process.pid }),
  }
}

export const run: Run<TunnelOptions> = async (options, context, args) => {
  const { face, signal } = context
  const targets = (args.length > 0 ? args : ['librechat']).map(parseTarget)
  const sessions = countOf(options.sessions)
  const bind = options.bind ?? '127.0.0.1'
  const reached = await reachInstance(options, context)
  if (!isLoopback(bind)) {
    face.emit({
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
  await Promise.race([
    untilStopped(tunnels, context),
    ...tunnels.flatMap(({ ended }) => (ended ? [ended] : [])),
  ])
  face.pause()
  await Promise.all(tunnels.map((tunnel) => tunnel.close()))
  return signal.aborted ? 130 : 1
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

type Reached = Awaited<ReturnType<typeof reachInstance>>

async function openTunnel(
  target: Target,
  { instanceId, surroundings, reason, bind, sessions }: Reached & { bind: string; sessions: number },
  { face, signal }: Context,
): Promise<Open> {
  const { remotePort, localPort } = target
  const warn = sparingly((text: string) => face.emit({ type: 'warning', text }))
  const forward = await Forward.open(
    { instanceId, remotePort, localPort, bind, sessions, reason },
    surroundings,
    (notice) => warn(wordsFor(notice, target)),
    signal,
  )
  if (forward.port !== localPort) {
    face.emit({
      type: 'note',
      text: `Port ${localPort} is taken here, so ${target.name} is on ${forward.port}.`,
    })
  }
  // Somebody may be missing on the far side: better heard now than from the browser.
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

function announce(tunnels: Open[], bind: string, { face }: Context): void {
  const lines = tunnels.map(({ target, url }) => `${target.name}: ${url}`)
  face.result([...lines, '', 'Ctrl-C ends it.'].join('\n'), {
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
async function untilStopped(tunnels: Open[], { face, signal }: Context): Promise<void> {
  const forwards = tunnels.flatMap(({ forward }) => (forward ? [forward] : []))
  let shown = ''
  while (!signal.aborted) {
    // A line that changes is for a terminal; a log of it would be noise.
    const detail = face.interactive ? describe(forwards) : ''
    if (detail !== shown) {
      face.emit({ type: 'task', id: 'tunnel', name: 'tunnel', state: shown ? 'progress' : 'started', detail })
    }
    shown = detail
    await systemClock.sleep(showEvery, signal).catch(() => {})
  }
}

function describe(forwards: Forward[]): string {
  const all = forwards.map(({ traffic }) => traffic)
  const sum = (pick: (one: Forward['traffic']) => number) => all.reduce((total, one) => total + pick(one), 0)
  const count = (n: number, word: string) => `${n} ${word}${n === 1 ? '' : 's'}`
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

function wordsFor(notice: Notice, { name, remotePort }: Target): string {
  switch (notice.type) {
    case 'refused':
      return `Nothing listens on port ${remotePort} of the instance. librechat-lab status shows what runs there.`
    case 'broken':
      return `${name}: the connection to AWS broke; it is being resumed, and nothing is lost.`
    case 'resumed':
      return `${name}: the connection to AWS is back.`
    case 'let-go':
      return `${name}: a connection that took nothing for 15 seconds was ended, because it held the others up. --sessions 4 keeps them further apart.`
    case 'stuck':
      return `${name}: the session did not move for 30 seconds; its connections were ended, and a new session takes the next ones.`
    case 'session-ended':
      return `${name}: the session has ended${notice.reason ? ` (${notice.reason})` : ', as AWS does after a time without traffic'}. The next connection opens a new one.`
    case 'no-session': {
      const { error } = notice
      return `${name}: no session could be opened or kept. ${error instanceof Error ? error.message : error} The next connection tries again.`
    }
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

async function offerCleanup({ connection, instanceId }: Reached, { face }: Context): Promise<void> {
  const { ssm } = connection.clients
  const left = await leftovers(ssm, instanceId, { machine: hostname(), isAlive })
  if (left.length === 0) return
  const what = left.length === 1 ? 'A session is' : `${left.length} sessions are`
  const message = `${what} still open from a tunnel that was killed on this machine.`
  if (!face.interactive || face.json) {
    const fix = left.map((id) => `aws ssm terminate-session --session-id ${id}`).join('; ')
    face.emit({ type: 'note', text: `${message} To end it: ${fix}` })
    return
  }
  const flag = 'none: it is only offered in a terminal'
  if (await face.confirm({ flag, message: `${message} End it?`, default: true })) await endSessions(ssm, left)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

async function browse(url: string, { face }: Context): Promise<void> {
  if (await openBrowser(url)) return
  face.emit({ type: 'warning', text: `No browser could be opened here. Go to ${url}` })
}
