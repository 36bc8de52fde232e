import * as z from 'zod'
import { LabError } from '../core/error.js'
import type { Host } from './host.js'
import { filesMissing, payload } from './payload.js'
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

/**
 * Runs one of the host's programs (`templates/run.sh <program>`) and returns what it printed.
 * Throws the host's own LabError when it failed, after a note with the end of its log.
 * @param stage the word in the command's comment, where it is another than the program's name
 * @param withFiles whether to send this version's files at once, to a host that is not expected to have them. Else they
 *   are sent when it says that it doesn't.
 */
export async function runStage(
  host: Host,
  program: string,
  {
    input = {},
    timeoutSeconds,
    stage = program,
    withFiles = false,
  }: { input?: Record<string, string>; timeoutSeconds: number; stage?: string; withFiles?: boolean },
): Promise<string> {
  const send = (withFiles: boolean) => {
    const script = payload(host, input, `bash "$CODE/run.sh" ${program}`, { withFiles })
    return runCommand(host, { stage, script, timeoutSeconds })
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
