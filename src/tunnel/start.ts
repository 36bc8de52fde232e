import { type SSMClient, StartSessionCommand } from '@aws-sdk/client-ssm'
import { LabError } from '../core/error.js'

/** How long the opening of a session may take, from the call to the end of the handshake; the agent itself waits 15 s. */
export const readyWithin = 30_000

export interface SessionRequest {
  instanceId: string
  /** "AWS-StartPortForwardingSession"; without one it is a shell. */
  document?: string
  parameters?: Record<string, string[]>
  /** Stands beside the session at AWS. */
  reason?: string
}

/** Where a session's data channel is, and what opens it. */
export interface Address {
  StreamUrl?: string | undefined
  TokenValue?: string | undefined
}

/** Starts the session at AWS, within the time that the whole opening may take. */
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
    if (!late.aborted) throw error
    throw new LabError({
      code: 'no-answer',
      what: `AWS did not start a session within ${readyWithin / 1000} seconds.`,
      fix: ['Check your connection, and HTTPS_PROXY where you need one.', 'Then run the same command again.'],
      fault: 'aws',
      cause: error,
    })
  }
}
