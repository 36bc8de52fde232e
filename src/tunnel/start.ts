import { type SSMClient, StartSessionCommand } from '@aws-sdk/client-ssm'
import type { Clock } from '../core/clock.js'
import { LabError } from '../core/error.js'

/** How long the opening of a session may take, from the call to the end of the handshake; the agent itself waits 15 s. */
const readyWithin = 30_000

export interface SessionRequest {
  instanceId: string
  /** "AWS-StartPortForwardingSession"; without one it is a shell. */
  document?: string
  parameters?: Record<string, string[]>
  /** Shown with the session in AWS. */
  reason?: string
}

/** The address of a session's data channel, and its token. */
export interface Address {
  StreamUrl?: string | undefined
  TokenValue?: string | undefined
}

/** Starts the session in AWS, within the time limit of the whole opening. Throws the signal's reason if it aborts. */
export async function startAtAws(
  request: SessionRequest,
  ssm: SSMClient,
  signal?: AbortSignal,
): Promise<Address & { SessionId?: string | undefined }> {
  const { instanceId, document, parameters, reason } = request
  const late = AbortSignal.timeout(readyWithin)
  try {
    return await ssm.send(
      new StartSessionCommand({
        Target: instanceId,
        ...(document ? { DocumentName: document } : {}),
        ...(parameters ? { Parameters: parameters } : {}),
        ...(reason ? { Reason: reason } : {}),
      }),
      { abortSignal: signal ? AbortSignal.any([signal, late]) : late },
    )
  } catch (error) {
    // The SDK says only that the request was aborted.
    signal?.throwIfAborted()
    if (!late.aborted) throw error
    throw new LabError({
      code: 'no-answer',
      what: `AWS did not start a session within ${readyWithin / 1000} seconds.`,
      fix: ['Check your connection, and HTTPS_PROXY if you need one.', 'Then run the same command again.'],
      fault: 'aws',
      cause: error,
    })
  }
}

/** Waits for `opening`, up to the time limit, or until `signal` aborts. LabError `no-handshake`. */
export async function inTime(opening: Promise<void>, clock: Clock, signal?: AbortSignal): Promise<void> {
  const over = new AbortController()
  const deadline = clock.sleep(readyWithin, over.signal).then(() => {
    throw noHandshake()
  })
  const interrupted = new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  // Ignores the one that settles second.
  for (const loser of [deadline, interrupted, opening]) loser.catch(() => {})
  try {
    await Promise.race([opening, deadline, interrupted])
  } finally {
    over.abort()
  }
}

const noHandshake = () =>
  new LabError({
    code: 'no-handshake',
    what: `The instance did not answer within ${readyWithin / 1000} seconds.`,
    why: 'AWS started the session, but the SSM agent on the instance did not open it.',
    fix: [
      { command: { path: 'status' }, text: 'shows whether the agent is online' },
      'Then run the same command again.',
    ],
    fault: 'aws',
  })
