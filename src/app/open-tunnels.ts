import { connect as dial } from 'node:net'
import { hostname } from 'node:os'
import { LabError } from '../core/error.js'
import { explainStart } from '../tunnel/advice.js'
import { Forward, type Notice, type Traffic } from '../tunnel/forward.js'
import { leftovers } from '../tunnel/leftovers.js'
import { openWithPlugin } from '../tunnel/plugin.js'
import { type Target, urlOf } from '../tunnel/targets.js'
import type { Context } from './context.js'
import type { ReachedInstance } from './resolve-instance.js'

export type { Notice, Traffic } from '../tunnel/forward.js'
export type { Target } from '../tunnel/targets.js'

export interface TunnelRequest {
  targets: readonly Target[]
  /** The address to listen on; both loopback addresses unless given. */
  bind: string | undefined
  sessions: number
  /** Opens the ports with AWS's plugin, using this profile. */
  plugin: { profile: string } | undefined
}

/** An open tunnel. */
export interface OpenTunnel {
  target: Target
  /** The local addresses that it listens on. */
  addresses: string[]
  port: number
  url: string
  /** The transferred data; undefined with AWS's plugin. */
  traffic?: () => Traffic
  /** Resolves when it has ended by itself. */
  ended?: Promise<void>
  close(): Promise<void>
}

/** Opens every target, or none. LabErrors say why not. */
export async function openTunnels(
  instance: ReachedInstance,
  request: TunnelRequest,
  notify: (target: Target, notice: Notice) => void,
  context: Pick<Context, 'env' | 'clock' | 'signal'>,
): Promise<OpenTunnel[]> {
  const { plugin } = request
  const opening = request.targets.map((target) =>
    plugin
      ? openPlugin(instance, target, plugin.profile, context)
      : openForward(instance, { ...request, target }, notify, context.signal),
  )
  const results = await Promise.allSettled(opening)
  const tunnels = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const refused = results.find((result) => result.status === 'rejected')
  if (!refused) return tunnels
  await Promise.all(tunnels.map((tunnel) => tunnel.close()))
  throw await explainStart(refused.reason, instance.connection.clients, instance.instanceId)
}

/** Waits until the signal aborts; LabError `plugin-ended` when AWS's plugin ends before that. */
export async function untilStopped(tunnels: readonly OpenTunnel[], signal: AbortSignal): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await Promise.race([stopped, ...tunnels.flatMap(({ ended }) => (ended ? [ended] : []))])
  if (signal.aborted) return
  throw new LabError({
    code: 'plugin-ended',
    what: 'AWS’s session-manager-plugin has ended, which closes the tunnel.',
    why: 'It ends when it is idle for too long, and when its connection breaks.',
    fix: [{ command: { path: 'tunnel' }, text: 'reconnects by itself, without the plugin' }],
    fault: 'aws',
  })
}

/** Sessions that killed tunnels on this machine left open. */
export const leftSessions = ({ connection, instanceId }: ReachedInstance): Promise<string[]> =>
  leftovers(connection.clients.ssm, instanceId, { machine: hostname(), isAlive })

async function openForward(
  { instanceId, surroundings, reason }: ReachedInstance,
  { target, bind, sessions }: TunnelRequest & { target: Target },
  notify: (target: Target, notice: Notice) => void,
  signal: AbortSignal,
): Promise<OpenTunnel> {
  const { remotePort, localPort } = target
  const forward = await Forward.open(
    { instanceId, remotePort, localPort, sessions, reason, ...(bind === undefined ? {} : { bind }) },
    surroundings,
    (notice) => notify(target, notice),
    signal,
  )
  const { port, addresses } = forward
  // Detects immediately if nothing listens on the instance.
  await knock(port, bind ?? '127.0.0.1')
  const close = () => forward.close()
  return { target, traffic: () => forward.traffic, port, addresses, url: urlOf(target, bind, port), close }
}

async function openPlugin(
  { instanceId, connection }: ReachedInstance,
  target: Target,
  profile: string,
  { env, clock, signal }: Pick<Context, 'env' | 'clock' | 'signal'>,
): Promise<OpenTunnel> {
  const { clients, region } = connection
  const { remotePort, localPort } = target
  const opened = await openWithPlugin(
    { instanceId, remotePort, localPort, region, profile },
    { ssm: clients.ssm, env, clock, signal },
  )
  // It listens on one of localhost's addresses, which is IPv4's where there is one.
  return { target, addresses: ['127.0.0.1'], url: urlOf(target, '127.0.0.1', opened.port), ...opened }
}

/** Connects once and closes: if nothing listens on the instance, the error arrives within this time. */
async function knock(port: number, bind: string): Promise<void> {
  const host = bind === '0.0.0.0' || bind === '::' ? 'localhost' : bind
  const socket = dial({ port, host })
  socket.on('error', () => {})
  socket.setTimeout(1000, () => socket.destroy())
  socket.on('data', () => socket.destroy())
  // Not events.once, which would throw for the reset that this waits for.
  await new Promise((resolve) => socket.on('close', resolve))
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // EPERM: the process is another user's, and running.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
