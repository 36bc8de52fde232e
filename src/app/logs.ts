import { LabError } from '../core/error.js'
import type { Context } from './context.js'
import { runOnHost } from './remote-terminal.js'
import type { ReachedInstance } from './resolve-instance.js'

const services = ['librechat', 'mongodb', 'meilisearch', 'proxy', 'portainer'] as const
type Service = (typeof services)[number]

/** Without --tail and --since. */
const usualLines = 200
/** Limit for one JSON object; 200 lines are far below it. */
const mostKept = 16 * 1024 * 1024

/** Which lines of a service. */
export interface LogRequest {
  service: Service
  follow: boolean
  /** In Docker's form: "90m", or an ISO date. */
  since?: string
  /** A number, or "all". */
  tail: string
}

/** Checks the arguments and options; LabError `no-such-service`, `bad-option`. */
export function logRequest(
  name: string,
  options: { follow?: boolean; since?: string; tail?: string },
  { json }: { json: boolean },
): LogRequest {
  const { follow = false, since, tail } = options
  const service = serviceOf(name, { follow, json })
  return {
    service,
    follow,
    ...(since === undefined ? {} : { since: checkedSince(since) }),
    tail: tail === undefined ? (since === undefined ? String(usualLines) : 'all') : checkedTail(tail),
  }
}

/** LabError `no-such-service`, `bad-option`. */
function serviceOf(text: string, { follow, json }: { follow: boolean; json: boolean }): Service {
  const service = services.find((name) => name === text)
  if (service && json && follow) {
    throw new LabError({
      code: 'bad-option',
      what: "--follow can't be combined with --json.",
      why: 'The lines never end, so they are not one JSON object.',
      fix: [
        { command: { keeps: true, path: 'logs', args: [service], flags: { json: true, follow: undefined } } },
        { command: { keeps: true, path: 'logs', args: [service], flags: { follow: true } } },
      ],
    })
  }
  if (service) return service
  throw new LabError({
    code: 'no-such-service',
    what: `There is no service ${JSON.stringify(text.slice(0, 60))}.`,
    fix: services.map((name) => ({ command: { keeps: true, path: 'logs', args: [name] } })),
  })
}

/** "2h", "90m", "3d", "2026-11-26", "2026-11-26T08:00:00Z": in Docker's format, which has no days. */
function checkedSince(text: string): string {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  if (count && unit) return unit === 'd' ? `${Number(count) * 24}h` : `${count}${unit}`
  const isDate = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(text)
  const time = isDate ? new Date(text.replace(' ', 'T')) : undefined
  if (time && !Number.isNaN(time.getTime())) return time.toISOString()
  throw new LabError({
    code: 'bad-option',
    what: `${JSON.stringify(text.slice(0, 60))} is not a time.`,
    why: '--since takes a duration up to now, such as 90m, 2h or 3d, or a date and time, such as 2026-11-26T08:00:00Z.',
    fix: [{ command: { keeps: true, path: 'logs', flags: { since: '2h' } } }],
  })
}

function checkedTail(text: string): string {
  if (text === 'all' || /^[1-9]\d{0,6}$/.test(text)) return text
  throw new LabError({
    code: 'bad-option',
    what: `${JSON.stringify(text.slice(0, 60))} is not a number of lines.`,
    why: '--tail takes a number from 1 on, or all.',
    fix: [{ command: { keeps: true, path: 'logs', flags: { tail: '1000' } } }],
  })
}

/** Writes a service's last lines to `output`, and further ones as they come. Resolves with the exit code. */
export async function writeLogs(
  instance: ReachedInstance,
  request: LogRequest,
  output: NodeJS.WriteStream,
  context: Pick<Context, 'env' | 'signal'>,
): Promise<number> {
  const asLines = lineEnds()
  const show = (chunk: Buffer) => output.write(asLines(chunk))
  return runOnHost(instance, requestOf(request), { output }, context, show)
}

/** A service's last lines. LabError `logs-too-long`. */
export async function readLogs(
  instance: ReachedInstance,
  request: LogRequest,
  output: NodeJS.WriteStream,
  { env, signal }: Pick<Context, 'env' | 'signal'>,
): Promise<{ code: number; lines: string[] }> {
  const kept: Buffer[] = []
  let length = 0
  const tooLong = new AbortController()
  const asLines = lineEnds()
  const keep = (chunk: Buffer) => {
    length += chunk.length
    if (length > mostKept) tooLong.abort()
    else kept.push(asLines(chunk))
  }
  const either = { env, signal: AbortSignal.any([signal, tooLong.signal]) }
  const code = await runOnHost(instance, requestOf(request), { output }, either, keep)
  if (tooLong.signal.aborted) {
    const { service, since, tail } = request
    throw new LabError({
      code: 'logs-too-long',
      what: `These lines of ${service} are longer than ${mostKept / 1024 / 1024} MB.`,
      fix: [
        {
          command: { path: 'logs', args: [service], flags: { since, tail } },
          text: 'prints them as they come',
        },
      ],
    })
  }
  return { code, lines: Buffer.concat(kept).toString().trimEnd().split('\n') }
}

/** Every part is checked, so no raw user input reaches the host's shell. */
const requestOf = ({ service, follow, since, tail }: LogRequest) => ({
  document: 'AWS-StartInteractiveCommand',
  parameters: {
    command: [
      [
        `sudo docker compose -p librechat-lab logs --no-color --tail ${tail}`,
        ...(since === undefined ? [] : [`--since ${since}`]),
        ...(follow ? ['--follow'] : []),
        service,
      ].join(' '),
    ],
  },
})

/** The remote side writes to a terminal, so each line ends with a carriage return, which is removed. */
function lineEnds(): (chunk: Buffer) => Buffer {
  let held = ''
  return (chunk) => {
    const text = held + chunk.toString('latin1')
    held = text.endsWith('\r') ? '\r' : ''
    return Buffer.from(text.slice(0, text.length - held.length).replaceAll('\r\n', '\n'), 'latin1')
  }
}
