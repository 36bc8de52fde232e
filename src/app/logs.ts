import { LabError } from '../core/error.js'
import type { Context } from './context.js'
import { runOnHost } from './remote-terminal.js'
import type { ReachedInstance } from './resolve-instance.js'

const services = ['librechat', 'mongodb', 'meilisearch', 'proxy', 'portainer'] as const
export type Service = (typeof services)[number]

const lines = 200
/** The most that is kept for one JSON object; 200 lines are far less. */
const mostKept = 16 * 1024 * 1024

/** LabError `no-such-service`, `bad-option`. */
export function serviceOf(text: string, { follow, json }: { follow: boolean; json: boolean }): Service {
  const service = services.find((name) => name === text)
  if (service && json && follow) {
    throw new LabError({
      code: 'bad-option',
      what: "--follow can't be combined with --json.",
      why: 'The lines never end, so they are not one JSON object.',
      fix: [
        { command: { path: 'logs', args: [service], flags: { json: true } } },
        { command: { path: 'logs', args: [service], flags: { follow: true } } },
      ],
    })
  }
  if (service) return service
  throw new LabError({
    code: 'no-such-service',
    what: `There is no service ${JSON.stringify(text.slice(0, 60))}.`,
    fix: services.map((name) => ({ command: { path: 'logs', args: [name] } })),
  })
}

/** Writes a service's last lines to `output`, and further ones as they come. Resolves with the exit code. */
export async function writeLogs(
  instance: ReachedInstance,
  { service, follow }: { service: Service; follow: boolean },
  output: NodeJS.WriteStream,
  context: Pick<Context, 'env' | 'signal'>,
): Promise<number> {
  const asLines = lineEnds()
  const show = (chunk: Buffer) => output.write(asLines(chunk))
  return runOnHost(instance, requestOf(service, follow), { output }, context, show)
}

/** A service's last lines. LabError `logs-too-long`. */
export async function readLogs(
  instance: ReachedInstance,
  service: Service,
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
  const code = await runOnHost(instance, requestOf(service, false), { output }, either, keep)
  if (tooLong.signal.aborted) {
    throw new LabError({
      code: 'logs-too-long',
      what: `The last ${lines} lines of ${service} are longer than ${mostKept / 1024 / 1024} MB.`,
      fix: [{ command: { path: 'logs', args: [service] }, text: 'prints them as they come' }],
    })
  }
  return { code, lines: Buffer.concat(kept).toString().trimEnd().split('\n') }
}

/** The service is one of the list, so nothing that the user typed reaches the host's shell. */
const requestOf = (service: Service, follow: boolean) => ({
  document: 'AWS-StartInteractiveCommand',
  parameters: {
    command: [
      `sudo docker compose -p librechat-lab logs --no-color --tail ${lines}${follow ? ' --follow' : ''} ${service}`,
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
