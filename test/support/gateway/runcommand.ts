import { randomUUID } from 'node:crypto'
import type { Witness } from '../clients.js'
import type { Call } from './call.js'
import type { Supplement } from './gateway.js'
import type { ManagedInstances } from './managed.js'
import { resolveReferences } from './references.js'
import { type Answer, errorAnswer, jsonAnswer } from './wire.js'

/** What the instance is told to run. */
export interface Work {
  readonly region: string
  readonly instanceId: string
  readonly commands: readonly string[]
  readonly comment: string
}

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr?: string
}

/** Plays the instance: runs what was sent, or looks at it closely and says what a host would have said. */
export type Executor = (work: Work) => Promise<Outcome>

interface Invocation extends Work {
  readonly commandId: string
  readonly sentAt: number
  outcome?: Outcome
}

/** Systems Manager's Run Command, which moto answers without running anything. */
export function runCommand(
  managed: Pick<ManagedInstances, 'online'>,
  executor: Executor,
  witness: (region: string) => Witness,
): Supplement {
  const invocations: Invocation[] = []

  const answers: Record<string, (call: Call) => Promise<Answer> | Answer> = {
    async SendCommand(call) {
      const wrong = whatIsWrong(call.params)
      if (wrong) return errorAnswer(call, wrong.code, wrong.message)
      const instanceId = String((call.params.InstanceIds as string[])[0])
      if (!(await managed.online(call.region, instanceId))) {
        const why = `Instances [[${instanceId}]] not in a valid state for account 000000000000`
        return errorAnswer(call, 'InvalidInstanceId', why)
      }
      const { commands = [] } = call.params.Parameters as { commands?: string[] }
      const comment = String(call.params.Comment ?? '')
      const work = { region: call.region, instanceId, commands, comment }
      const invocation: Invocation = { ...work, commandId: randomUUID(), sentAt: Date.now() }
      invocations.push(invocation)
      void resolveReferences(witness(call.region), instanceId, commands)
        .then((resolved) => executor({ ...work, commands: resolved }))
        .catch((error: Error): Outcome => ({ code: 1, stdout: '', stderr: String(error.stack) }))
        .then((outcome) => {
          invocation.outcome = outcome
        })
      return jsonAnswer({ Command: command(invocation) })
    },
    GetCommandInvocation(call) {
      const { CommandId, InstanceId } = call.params
      const found = invocations.find((one) => one.commandId === CommandId && one.instanceId === InstanceId)
      if (!found) return errorAnswer(call, 'InvocationDoesNotExist', '')
      const { code = -1, stdout = '', stderr = '' } = found.outcome ?? {}
      return jsonAnswer({
        ...invocationOf(found),
        PluginName: 'aws:runShellScript',
        ResponseCode: code,
        ExecutionStartDateTime: new Date(found.sentAt).toISOString(),
        StandardOutputContent: cut(stdout, 24_000),
        StandardOutputUrl: '',
        StandardErrorContent: cut(stderr, 8_000),
        StandardErrorUrl: '',
      })
    },
    ListCommands: (call) => jsonAnswer({ Commands: asked(invocations, call).map(command) }),
    ListCommandInvocations: (call) =>
      jsonAnswer({
        CommandInvocations: asked(invocations, call).map((one) => ({
          ...invocationOf(one),
          CommandPlugins: [],
        })),
      }),
  }

  return { before: (call) => (call.service === 'ssm' ? answers[call.action]?.(call) : undefined) }
}

/**
 * By bytes, whatever that does to a character: MaxStdoutLength and MaxStderrLength of the agent
 * (agent/framework/processor/executer/iohandler/iohandler.go).
 */
const cut = (text: string, length: number): string => Buffer.from(text).subarray(0, length).toString()

/** Newest first, as AWS lists them; of this region, and with the status that a filter asks for. */
function asked(invocations: Invocation[], { region, params }: Call): Invocation[] {
  const filters = (params.Filters ?? []) as { key: string; value: string }[]
  const status = filters.find(({ key }) => key === 'Status')?.value
  return invocations
    .filter((one) => one.region === region)
    .filter((one) => !params.CommandId || one.commandId === params.CommandId)
    .filter((one) => !params.InstanceId || one.instanceId === params.InstanceId)
    .filter((one) => !status || statusOf(one) === status)
    .reverse()
}

/**
 * As the agent maps exit codes: 137 is what it gives a script that it stopped, so one killed for memory has "timed out"
 * too (agent/plugins/pluginutil/pluginutil_unix.go, GetStatus); 168 is a success (agent/contracts/model.go,
 * ExitWithSuccess).
 */
function statusOf({ outcome }: Invocation): string {
  if (!outcome) return 'InProgress'
  if (outcome.code === 137) return 'TimedOut'
  return outcome.code === 0 || outcome.code === 168 ? 'Success' : 'Failed'
}

function invocationOf(one: Invocation): Record<string, unknown> {
  const status = statusOf(one)
  return {
    CommandId: one.commandId,
    InstanceId: one.instanceId,
    Comment: one.comment,
    DocumentName: 'AWS-RunShellScript',
    DocumentVersion: '$DEFAULT',
    RequestedDateTime: one.sentAt / 1000,
    Status: status,
    StatusDetails: status,
  }
}

function command(one: Invocation): object {
  const { InstanceId, ...rest } = invocationOf(one)
  return { ...rest, InstanceIds: [InstanceId], Parameters: { commands: one.commands } }
}

const rules: Record<string, RegExp> = {
  commands: /^/,
  workingDirectory: /^/,
  executionTimeout: /^\d{1,6}$/,
}

/** Systems Manager's own bounds on SendCommand, and AWS-RunShellScript's on its parameters. */
function whatIsWrong(params: Record<string, unknown>): { code: string; message: string } | undefined {
  const invalid = (message: string) => ({ code: 'ValidationException', message })
  const ids = params.InstanceIds
  if (!Array.isArray(ids) || ids.length !== 1 || !/^i-[0-9a-f]{8,17}$/.test(String(ids[0]))) {
    return invalid('InstanceIds: one instance id is wanted')
  }
  if (params.DocumentName !== 'AWS-RunShellScript')
    return { code: 'InvalidDocument', message: String(params.DocumentName) }
  if (String(params.Comment ?? '').length > 100) return invalid('Comment: at most 100 characters')
  const timeout = params.TimeoutSeconds
  if (timeout !== undefined && !(Number(timeout) >= 30 && Number(timeout) <= 2_592_000)) {
    return invalid('TimeoutSeconds: 30 to 2592000')
  }
  const parameters = (params.Parameters ?? {}) as Record<string, unknown>
  for (const [name, values] of Object.entries(parameters)) {
    const rule = rules[name]
    if (
      !rule ||
      !Array.isArray(values) ||
      !values.every((value) => typeof value === 'string' && rule.test(value))
    ) {
      return { code: 'InvalidParameters', message: `parameter ${name} of AWS-RunShellScript` }
    }
  }
  if (!parameters.commands) return { code: 'InvalidParameters', message: 'commands is required' }
  const size = JSON.stringify(parameters).length
  if (size > 64 * 1024)
    return { code: 'MaxDocumentSizeExceeded', message: `the parameters are ${size} bytes long` }
  // The agent leaves these as they are; nothing of ours may depend on it.
  if (/\{\{(?! *ssm:)/.test(JSON.stringify(parameters)))
    return invalid('{{ … }} in the parameters, other than {{ssm:…}}')
  return undefined
}
