import type { Run } from '../app/context.js'
import { resolveInstance } from '../app/resolve-instance.js'
import { LabError } from '../core/error.js'
import { explainStart } from '../tunnel/advice.js'
import { endingOf } from '../tunnel/ending.js'
import { kmsOf } from '../tunnel/kms.js'
import { runTerminal } from '../tunnel/terminal.js'

const services = ['librechat', 'mongodb', 'meilisearch', 'proxy', 'portainer']
const lines = 200

export const run: Run<{ follow?: boolean }, [service?: string]> = async (
  options,
  context,
  [service = 'librechat'],
) => {
  const { ui, env, signal } = context
  if (!services.includes(service)) {
    throw new LabError({
      code: 'no-such-service',
      what: `There is no service ${JSON.stringify(service.slice(0, 60))}.`,
      fix: services.map((name) => `librechat-lab logs ${name}`),
    })
  }
  if (ui.json && options.follow) {
    throw new LabError({
      code: 'bad-option',
      what: '--follow and --json do not go together.',
      why: 'What never ends can’t be one JSON object.',
      fix: [`librechat-lab logs ${service} --json`, `librechat-lab logs ${service} --follow`],
    })
  }
  const { connection, instanceId, surroundings, reason } = await resolveInstance(options, context)
  ui.pause()
  const { stdin: input, stdout: output } = process
  const follow = options.follow ? ' --follow' : ''
  // The service is one of ours, so that nothing a person typed reaches the shell over there.
  const command = `sudo docker compose -p librechat-lab logs --no-color --tail ${lines}${follow} ${service}`
  const kept: Buffer[] = []
  const asLines = lineEnds()
  try {
    const ending = await runTerminal(
      { instanceId, reason, document: 'AWS-StartInteractiveCommand', parameters: { command: [command] } },
      {
        ...surroundings,
        generateDataKey: kmsOf(surroundings, env.AWS_ENDPOINT_URL_KMS ?? env.AWS_ENDPOINT_URL),
      },
      { input, output },
      signal,
      (chunk) => (ui.json ? kept.push(asLines(chunk)) : output.write(output.isTTY ? chunk : asLines(chunk))),
    )
    if (ui.json) ui.result('', { service, lines: Buffer.concat(kept).toString().trimEnd().split('\n') })
    return endingOf(ending)
  } catch (error) {
    throw await explainStart(error, connection.clients, instanceId)
  }
}

/** The remote side writes to a terminal, so each line ends with a carriage return that a file has no use for. */
function lineEnds(): (chunk: Buffer) => Buffer {
  let held = ''
  return (chunk) => {
    const text = held + chunk.toString('latin1')
    held = text.endsWith('\r') ? '\r' : ''
    return Buffer.from(text.slice(0, text.length - held.length).replaceAll('\r\n', '\n'), 'latin1')
  }
}
