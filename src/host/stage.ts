import * as z from 'zod'
import { isPassing } from '../aws/errors.js'
import { LabError } from '../core/error.js'
import type { Host } from './host.js'
import { filesMissing, payloads } from './payload.js'
import { type CommandResult, runCommand } from './run-command.js'
import { fixSchema } from './steps.js'

const failure = z.object({
  error: z.object({ code: z.string(), what: z.string(), why: z.string(), fix: fixSchema }),
})

/** The last line of `text` that is a JSON object, or undefined. */
export function lastJson(text: string): unknown {
  for (const line of text.trimEnd().split('\n').reverse()) {
    if (!line.startsWith('{')) continue
    try {
      return JSON.parse(line)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
    }
  }
  return undefined
}

/** The end of an answer that can't be read, for the reason in an error. */
export const endOf = (output: string): string =>
  `Its answer ends with: ${output.trimEnd().slice(-200) || '(nothing)'}`

/** Prints what a stage, or the first boot, is doing at this moment, as `step` in templates/stages/common.sh wrote it. */
export const stepScript = 'cat /opt/librechat-lab/state/step 2>/dev/null || true'

/** Tells what the host is doing. It ignores errors, because the stage's own polls report them. */
async function tellStep(host: Host, signal: AbortSignal, onStep: (step: string) => void): Promise<void> {
  try {
    const { stdout } = await runCommand(
      { ...host, signal },
      { stage: 'step', script: stepScript, timeoutSeconds: 30 },
    )
    const words = stdout.trim()
    if (words !== '' && !signal.aborted) onStep(words)
  } catch (error) {
    if (!signal.aborted && !(error instanceof LabError) && !isPassing(error)) throw error
  }
}

/**
 * Runs one of the host's programs (`templates/run.sh <program>`), or several in turn, and returns what they
 * printed. If one fails, emits a note with the end of its log and throws the host's own LabError.
 * @param stage the word in the command's comment, where it is another than the program's name
 * @param withFiles whether to send this version's files at once, to a host that is not expected to have them. Else
 * they are sent when it says that it doesn't.
 * @param onStep told in a few words what the host is doing, while that takes long
 */
export async function runStage(
  host: Host,
  program: string,
  {
    input = {},
    timeoutSeconds,
    stage = program,
    withFiles = false,
    onStep,
  }: {
    input?: Record<string, string>
    timeoutSeconds: number
    stage?: string
    withFiles?: boolean
    onStep?: (step: string) => void
  },
): Promise<string> {
  const onWait = onStep && ((signal: AbortSignal) => tellStep(host, signal, onStep))
  const send = async (withFiles: boolean): Promise<CommandResult> => {
    const scripts = payloads(host, input, `bash "$CODE/run.sh" ${program}`, { withFiles })
    // Files that don't fit into one command are sent before it.
    for (const script of scripts.slice(0, -1)) {
      const carried = await runCommand(host, { stage: 'files', script, timeoutSeconds: 300 })
      if (carried.code !== 0) return carried
    }
    return runCommand(host, { stage, script: scripts.at(-1) as string, timeoutSeconds, onWait })
  }
  let result = await send(withFiles)
  if (result.code === filesMissing.code && result.stdout.includes(filesMissing.word))
    result = await send(true)
  if (result.code === 0) return result.stdout
  throw failed(host, stage, result)
}

function failed(host: Host, stage: string, { stdout, stderr, code }: CommandResult): LabError {
  const log = stdout.indexOf('--- the end of ')
  const output = (log < 0 ? `${stdout}\n${stderr}` : stdout.slice(log)).replace(/^\{"error":.*$/gm, '').trim()
  if (output !== '') host.emit({ type: 'note', text: output })
  const told = failure.safeParse(lastJson(log < 0 ? stdout : stdout.slice(0, log)))
  if (told.success) return new LabError(told.data.error)
  return new LabError({
    code: `host-${stage}-failed`,
    what: `The host's stage ${stage} failed with code ${code}.`,
    why: `The end of its log is above; the whole log is on the host in /var/log/librechat-lab/.`,
    fix: ['Run the same command again: it continues where this one stopped.'],
    fault: 'program',
  })
}
