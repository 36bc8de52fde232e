import type { CommandContext, Connect, GlobalOptions, Ui } from '../app/context.js'
import type { Command } from '../app/define-command.js'
import { type Clock, waitScale } from '../core/clock.js'
import { bareCommand, type CommandLine, type CommandPath, Interrupted, type LabError } from '../core/error.js'
import { rehearsed } from '../ui/rehearsed.js'
import { givenFlags, renderHint } from './render-hint.js'

const program = 'librechat-lab'

/** A command's environment: terminal, variables, signals and connection. */
export interface Surroundings {
  readonly process: Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr' | 'env'>
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Opens AWS or the rehearsal account, as the options say. */
  readonly connect: Connect
  /** Receives the UI, which shows a signal's warning. */
  shown(ui: Ui): void
}

/** Loaded on demand: help and version don't need it. */
async function newUi(
  options: () => GlobalOptions,
  { process, signal, shown }: Surroundings,
  running?: { name: string; args: readonly string[] },
): Promise<Ui> {
  const { json, color } = options()
  // The libraries read only this variable.
  if (color === false) process.env.NO_COLOR = '1'
  const { canAsk, makeUi } = await import('../ui/make-ui.js')
  const hints = renderHint(process.env, options, canAsk(process), running)
  const ui = await makeUi({
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    json: json ?? false,
    color,
    signal,
    hints,
  })
  shown(ui)
  return ui
}

/** Shows an error; returns the process's exit code. */
export async function showFailure(
  error: LabError,
  options: GlobalOptions,
  surroundings: Surroundings,
  ui?: Ui,
): Promise<number> {
  const { showError } = await import('../ui/error-view.js')
  const { stderr, env } = surroundings.process
  showError(error, { ui: ui ?? (await newUi(() => options, surroundings)), stderr, env, options })
  return error.exitCode
}

/** Minutes in AWS are seconds in a rehearsal. */
const rehearsalScale = 0.1

/** Tests shorten waits by this factor. */
function clockOf(clock: Clock, env: NodeJS.ProcessEnv, options: () => GlobalOptions): Clock {
  // Read at each wait, because a user can choose the rehearsal in a question.
  const scale = () => waitScale(env, options().rehearse ? rehearsalScale : 1)
  return {
    ...clock,
    sleep: (ms, signal) => clock.sleep(ms * scale(), signal),
  }
}

/** Runs a command and shows its error; returns the process's exit code. */
export async function runCommand(
  command: Command,
  given: GlobalOptions,
  args: string[],
  surroundings: Surroundings,
): Promise<number> {
  const { env } = surroundings.process
  const { signal } = surroundings
  // Answers of questions are added here; the typed options are not changed.
  let settled = given
  const options = () => settled
  let onward = { options: {}, note: '' }
  const ui = await newUi(options, surroundings, { name: command.name, args })
  const context: CommandContext = {
    ui,
    env,
    stdin: surroundings.process.stdin,
    stdout: surroundings.process.stdout,
    signal,
    clock: clockOf(surroundings.clock, env, options),
    connect: surroundings.connect,
    settled: (more) => {
      if (more.rehearse && !settled.rehearse) ui.emit({ type: 'note', text: `\n${rehearsed.begins}` })
      settled = { ...settled, ...more }
    },
    continuesWith: (changed, note) => {
      onward = { options: changed, note }
    },
    completionScript: async (shell) => (await import('./completion.js')).completionScript(shell),
  }
  if (command.callsAws) {
    const of = command.ofNoLab ? '' : ` "${(given.name ?? 'default').slice(0, 60)}"`
    ui.emit({ type: 'heading', text: `${program} ${__VERSION__} · ${command.name}${of}` })
    if (given.rehearse) ui.emit({ type: 'note', text: rehearsed.begins })
  }
  try {
    return await command.run(given as never, context, args as never)
  } catch (error) {
    const { adviseFor } = await import('../aws/advice.js')
    const said =
      signal.aborted || error instanceof Interrupted
        ? interrupted(
            command,
            sameLine(command, { ...settled, ...onward.options }, args, ui),
            onward.note,
            error,
          )
        : await adviseFor(error, settled, env)
    return await showFailure(said, settled, surroundings, ui)
  } finally {
    if (command.callsAws && settled.rehearse)
      ui.emit({ type: 'note', text: `${ui.interactive ? '\n' : ''}${rehearsed.ends}` })
    else if (command.callsAws) await announceNewVersion(ui, env)
  }
}

/** The command line that was given. */
const sameLine = (
  command: Command,
  given: GlobalOptions,
  args: readonly string[],
  { interactive }: Pick<Ui, 'interactive'>,
): CommandLine =>
  ({
    ...bareCommand(command.name as CommandPath),
    args,
    flags: givenFlags(command, given, { withConsent: !interactive }),
    overLines: interactive,
  }) as CommandLine

function interrupted(
  { untilStopped, startsOver }: Command,
  command: CommandLine,
  note: string,
  cause: unknown,
): LabError {
  const { why, fix = [], again }: Partial<Interrupted> = cause instanceof Interrupted ? cause : {}
  const does = again ?? (untilStopped || startsOver ? 'starts again' : 'continues where it stopped')
  return new Interrupted({
    ...(why === undefined ? {} : { why }),
    fix: [...fix, { command, text: note ? `${does}; ${note}` : does }],
    cause,
  })
}

/** Only at a terminal. */
async function announceNewVersion(ui: Ui, env: NodeJS.ProcessEnv): Promise<void> {
  if (!ui.interactive || ui.json) return
  const { newVersion } = await import('../ui/new-version.js')
  const version = newVersion(__VERSION__, env)
  if (version)
    ui.emit({
      type: 'note',
      text: `${program} ${version} is available (this is ${__VERSION__}): npx ${program}@latest`,
    })
}
