import { callerArn, userName } from './account.js'
import type { Answers } from './answers.js'
import { Refusal } from './refusal.js'
import { isOnline } from './run-command.js'
import type { World } from './world.js'

const documents = [
  'SSM-SessionManagerRunShell',
  'AWS-StartPortForwardingSession',
  'AWS-StartInteractiveCommand',
]

/** How the agent of this process finds a session's purpose. */
export const tokenOf = (sessionId: string) => `rehearsal-${sessionId}`

const address = (SessionId: string, { streamUrl, region }: World) => ({
  SessionId,
  TokenValue: tokenOf(SessionId),
  StreamUrl: `${streamUrl}/v1/data-channel/${SessionId}?role=publish_subscribe&region=${region}`,
})

/** Updates the state to the current time: AWS ends a session after a day at the latest, and deletes it later. */
export function settleSessions({ here, now }: World): void {
  const day = 24 * 3_600_000
  for (const [id, session] of Object.entries(here.sessions)) {
    if (now - session.startedAt > day) session.endedAt ??= now
    if (session.endedAt && now - session.endedAt > day) delete here.sessions[id]
  }
}

export const sessions = {
  StartSession(input, world) {
    const target = input.Target ?? ''
    if (!isOnline(world.here.instances[target], world)) {
      throw new Refusal('TargetNotConnected', `${target} is not connected.`)
    }
    const document = input.DocumentName ?? 'SSM-SessionManagerRunShell'
    if (!documents.includes(document))
      throw new Refusal('InvalidDocument', `Document with name ${document} does not exist.`)
    const SessionId = `${userName}-${world.id('s').slice(2)}`
    world.here.sessions[SessionId] = {
      target,
      document,
      parameters: Object.fromEntries(
        Object.entries(input.Parameters ?? {}).map(([key, values]) => [key, values ?? []]),
      ),
      startedAt: world.now,
      ...(input.Reason ? { reason: input.Reason } : {}),
    }
    return address(SessionId, world)
  },

  ResumeSession(input, world) {
    const session = world.here.sessions[input.SessionId ?? '']
    if (!session || session.endedAt) {
      throw new Refusal('DoesNotExistException', `Session ${input.SessionId} does not exist.`)
    }
    return address(input.SessionId ?? '', world)
  },

  TerminateSession(input, { here, now }) {
    const session = here.sessions[input.SessionId ?? '']
    if (session) session.endedAt ??= now
    return { SessionId: input.SessionId }
  },

  DescribeSessions(input, { here }) {
    const target = input.Filters?.find(({ key }) => key === 'Target')?.value
    return {
      Sessions: Object.entries(here.sessions)
        .filter(([, session]) => (input.State === 'Active') === (session.endedAt === undefined))
        .filter(([, session]) => !target || session.target === target)
        .map(([SessionId, session]) => ({
          SessionId,
          Target: session.target,
          Status: session.endedAt ? ('Terminated' as const) : ('Connected' as const),
          StartDate: new Date(session.startedAt),
          ...(session.endedAt ? { EndDate: new Date(session.endedAt) } : {}),
          DocumentName: session.document,
          ...(session.reason ? { Reason: session.reason } : {}),
          Owner: callerArn,
        })),
    }
  },
} satisfies Answers<typeof import('@aws-sdk/client-ssm')>
