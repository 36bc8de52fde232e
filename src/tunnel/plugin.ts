import { spawn } from 'node:child_process'
import { type SSMClient, StartSessionCommand, TerminateSessionCommand } from '@aws-sdk/client-ssm'
import type { Clock } from '../core/clock.js'
import { Interrupted, LabError } from '../core/error.js'

const program = 'session-manager-plugin'
/** It exits with 0 even for bad arguments, so it counts as ready only if it prints so within this time. */
const readyWithin = 30_000
const responseVariable = 'AWS_SSM_START_SESSION_RESPONSE'

export interface PluginRequest {
  instanceId: string
  remotePort: number
  localPort: number
  region: string
  profile: string
}

/** A port forwarded by AWS's Session Manager plugin, which must be installed. */
export interface PluginForward {
  port: number
  /** Resolves when it has ended. */
  ended: Promise<void>
  close(): Promise<void>
}

/** Hands a session over to AWS's plugin. LabErrors `no-plugin`, `plugin-failed`. */
export async function openWithPlugin(
  { instanceId, remotePort, localPort, region, profile }: PluginRequest,
  { ssm, env, clock, signal }: { ssm: SSMClient; env: NodeJS.ProcessEnv; clock: Clock; signal: AbortSignal },
): Promise<PluginForward> {
  const request = {
    Target: instanceId,
    DocumentName: 'AWS-StartPortForwardingSession',
    Parameters: { portNumber: [String(remotePort)], localPortNumber: [String(localPort)] },
  }
  const { SessionId, TokenValue, StreamUrl } = await ssm.send(new StartSessionCommand(request))
  const endpoint = await ssm.config.endpoint?.()
  const url = endpoint ? `${endpoint.protocol}//${endpoint.hostname}` : `https://ssm.${region}.amazonaws.com`
  const stopAtAws = async () => {
    await ssm.send(new TerminateSessionCommand({ SessionId })).catch(() => {})
  }
  // In the environment, because everyone on this machine can read the arguments, and these contain the token.
  const response = JSON.stringify({ SessionId, TokenValue, StreamUrl })
  const child = spawn(
    program,
    [responseVariable, region, 'StartSession', profile, JSON.stringify(request), url],
    { env: { ...env, [responseVariable]: response }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const late = new AbortController()
  let said = ''
  const ready = new Promise<number>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => reject(error.code === 'ENOENT' ? missing() : error))
    child.once('close', () => reject(failed(said)))
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-4000)
        const port = /Port (\d+) opened for sessionId/.exec(said)?.[1]
        if (port) resolve(Number(port))
      })
    }
    signal.addEventListener('abort', () => reject(new Interrupted()), { once: true })
    clock.sleep(readyWithin, late.signal).then(
      () => reject(failed(said)),
      () => {},
    )
  })
  const close = async () => {
    child.kill('SIGINT')
    await stopAtAws()
  }
  try {
    return { port: await ready, ended, close }
  } catch (error) {
    await close()
    throw error
  } finally {
    late.abort()
  }
}

const missing = () =>
  new LabError({
    code: 'no-plugin',
    what: `AWS's ${program} is not installed, or not on your PATH.`,
    fix: [
      { command: { path: 'tunnel' }, text: 'needs no plugin' },
      'https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html',
    ],
  })

const failed = (said: string) =>
  new LabError({
    code: 'plugin-failed',
    what: `AWS's ${program} did not open the port.`,
    why: said.trim().split('\n').at(-1) || `It said nothing for ${readyWithin / 1000} seconds.`,
    fix: [{ command: { path: 'tunnel' }, text: 'needs no plugin' }],
    fault: 'aws',
  })
