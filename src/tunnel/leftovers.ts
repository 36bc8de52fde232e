import { createHash } from 'node:crypto'
import { DescribeSessionsCommand, type SSMClient, TerminateSessionCommand } from '@aws-sdk/client-ssm'
import { isCode } from '../aws/errors.js'

/** Who started a session: this program, on which machine, as which process. */
export interface Origin {
  machine: string
  pid: number
}

/** The reason that AWS stores with a session. It has a digest of the computer's name, not the name. */
export function reasonFor({ machine, pid }: Origin): string {
  return `librechat-lab ${mark(machine)} ${pid}`
}

/**
 * Sessions to the instance that this program started on this machine in processes that were killed, so that the
 * sessions still run. Empty without the permission to ask.
 */
export async function leftovers(
  ssm: SSMClient,
  instanceId: string,
  { machine, isAlive }: { machine: string; isAlive: (pid: number) => boolean },
): Promise<string[]> {
  try {
    const { Sessions = [] } = await ssm.send(
      new DescribeSessionsCommand({ State: 'Active', Filters: [{ key: 'Target', value: instanceId }] }),
    )
    return Sessions.flatMap(({ SessionId, Reason }) => {
      const [, theirs, pid] = /^librechat-lab (\w+) (\d+)$/.exec(Reason ?? '') ?? []
      return SessionId && theirs === mark(machine) && !isAlive(Number(pid)) ? [SessionId] : []
    })
  } catch (error) {
    if (isCode(error, 'AccessDenied*')) return []
    throw error
  }
}

export async function endSessions(ssm: SSMClient, ids: readonly string[]): Promise<void> {
  await Promise.all(ids.map((SessionId) => ssm.send(new TerminateSessionCommand({ SessionId }))))
}

const mark = (machine: string) => createHash('sha256').update(machine).digest('hex').slice(0, 8)
