import { type Command as Commander, CommanderError } from 'commander'
import type { Ui } from '../app/context.js'
import type { Command } from '../app/define-command.js'
import { systemClock } from '../core/clock.js'
import { LabError } from '../core/error.js'
import { buildParser, withoutHelpOfNothing, withoutOldForms } from './parser.js'
import { runCommand, type Surroundings, showFailure } from './run.js'
import { listenToSignals } from './signals.js'
import { usageErrors } from './usage-errors.js'

// The SDK is bundled, so its warning about Node's version doesn't concern users.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
// Certificates are always verified, also for connections that a library opens itself.
delete process.env.NODE_TLS_REJECT_UNAUTHORIZED

let ui: Ui | undefined
let running: Command | undefined
/** Whether what it does changes something. */
let changes = false
/** Why standard output can't be written. */
let lost: string | undefined
const { env } = process
const signal = listenToSignals(
  () => ui?.emit,
  () => (running?.untilStopped ? 'Stopping.' : 'Stopping after the current AWS calls.'),
  (errno) => {
    lost ??= errno
    // Other commands finish their work, such as the removal of the lock.
    if (running?.untilStopped) process.exit()
  },
)
process.on('exit', (code) => {
  if (lost === undefined) return
  const isDone = code === 0 && changes
  const what = isDone ? ' The command has done its work, and only its result is lost.' : ''
  process.stderr.write(`✖ Standard output can’t be written: ${lost}.${what}\n`)
  if (code === 0) process.exitCode = isDone ? 2 : 1
})
const surroundings: Surroundings = {
  process,
  signal,
  clock: systemClock,
  shown: (one) => {
    ui = one
  },
  async connect(options, known, meanwhile, mfaCode) {
    if (options.rehearse) {
      const { rehearsalConnection } = await import('../rehearsal/clients.js')
      return await rehearsalConnection(options, env)
    }
    const { connect } = await import('../aws/connect.js')
    return await connect(options, { env, signal, mfaCode }, known, meanwhile)
  },
}

async function main(given: readonly string[]): Promise<number> {
  const { argv, old } = withoutOldForms(given)
  let code = 0
  const root = buildParser(
    __VERSION__,
    async (command, options, args) => {
      if (old) warnOfOldForm()
      running = command
      const { dryRun, check } = options as { dryRun?: boolean; check?: boolean }
      changes = command.changes && !dryRun && !check
      code = await runCommand(command, options, args, surroundings)
    },
    printHelp,
  )
  const words = withoutHelpOfNothing(root, argv)
  const misuse = usageErrors(root, words)
  if (argv.length === 0) {
    process.stdout.write(root.helpInformation())
    return 0
  }
  try {
    await root.parseAsync(words, { from: 'user' })
    return code
  } catch (error) {
    const json = argv.includes('--json')
    const said = error instanceof LabError ? error : misuse(error, json)
    if (said) return await showFailure(said, { json, color: !argv.includes('--no-color') }, surroundings)
    // Help or version was shown.
    if (error instanceof CommanderError) return error.exitCode
    throw error
  }
}

function warnOfOldForm(): void {
  process.stderr.write('! --rehearse=<scenario> is deprecated. Use --scenario <scenario> instead.\n')
}

/** A command's help, or a topic's page; LabError `no-such-topic`. */
async function printHelp(root: Commander, words: readonly string[], json: boolean): Promise<void> {
  let command: Commander | undefined = root
  for (const word of words) command = command?.commands.find((child) => child.name() === word)
  const text = command ? command.helpInformation() : (await import('./help.js')).topicPage(words.join(' '))
  process.stdout.write(json ? `${JSON.stringify({ topic: words.join(' '), text })}\n` : text)
}

process.exitCode = await main(process.argv.slice(2))
