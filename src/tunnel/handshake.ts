import { parseObject } from './message.js'

/**
 * The client version that we report. From 1.2.331.0 on, the agent disables smux's keepalive, which would end a quiet
 * session. We support every feature of 1.2.764.0.
 */
export const clientVersion = '1.2.764.0'

export interface Action {
  type: string
  parameters: Record<string, unknown>
}

export interface HandshakeRequest {
  agentVersion: string
  actions: Action[]
}

/** The result of one action, or its error. */
export type Outcome = { result: unknown } | { error: string } | { unsupported: true }

/** Throws `MalformedMessage`. */
export function parseRequest(payload: Buffer): HandshakeRequest {
  const request = parseObject(payload)
  const actions = Array.isArray(request.RequestedClientActions) ? request.RequestedClientActions : []
  return {
    agentVersion: typeof request.AgentVersion === 'string' ? request.AgentVersion : '',
    actions: actions.map((action) => ({
      type: String(action?.ActionType ?? ''),
      parameters: action?.ActionParameters ?? {},
    })),
  }
}

/** The answer to a request; statuses are 1 done, 2 failed, 3 unsupported. */
export function response(outcomes: { type: string; outcome: Outcome }[]): Buffer {
  const errors: string[] = []
  const processed = outcomes.map(({ type, outcome }) => {
    if ('result' in outcome) {
      return { ActionType: type, ActionStatus: 1, ActionResult: outcome.result, Error: '' }
    }
    const error = 'error' in outcome ? outcome.error : `Unsupported action ${type}`
    errors.push(error)
    return { ActionType: type, ActionStatus: 'error' in outcome ? 2 : 3, ActionResult: null, Error: error }
  })
  return Buffer.from(
    JSON.stringify({ ClientVersion: clientVersion, ProcessedClientActions: processed, Errors: errors }),
  )
}

/** Whether agent version `version` ("3.1.1511.0") is later than `other`. */
export function isLater(version: string, other: string): boolean {
  const [ours, theirs] = [version, other].map((text) => text.split('.').map((part) => Number(part) || 0))
  for (let i = 0; i < 4; i++) {
    const difference = (ours?.[i] ?? 0) - (theirs?.[i] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return false
}
