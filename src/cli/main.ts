import { setMaxListeners } from 'node:events'
import { Command, CommanderError, Help, Option } from 'commander'
import type { Context, GlobalOptions } from '../app/context.js'
import { systemClock } from '../core/clock.js'
import { Interrupted, LabError } from '../core/error.js'
import { rehearsed } from '../ui/rehearsed.js'
import { columns } from '../ui/table.js'
import type { Ui } from '../ui/ui.js'
import { renderHint } from './render-hint.js'
import { type CommandNode, globalFlags, tree } from './tree.js'
import { usageErrors } from './usage-errors.js'

const program = 'librechat-lab'
const homepage = 'https://github.com/librechat-lab/librechat-lab'

// The libraries are bundled: their advice on Node's version is for us, not for the person.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
// Certificates are verified whatever the environment says, by what a library opens by itself as well.
delete process.env.NODE_TLS_REJECT_UNAUTHORIZED

const interruption = new AbortController()
// Every call under way listens to it, and there are many at once.
setMaxListeners(0, interruption.signal)
let ui: Ui | undefined

/** Loaded when there is something to say: help and version need none of it. */
async function newUi(options: GlobalOptions): Promise<Ui> {
  // The libraries look there alone.
  if (options.color === false) process.env.NO_COLOR = '1'
  const { makeUi } = await import('../ui/make-ui.js')
  return await makeUi({
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    json: options.json ?? false,
    color: options.color,
    retype: renderHint(process.env, options),
    signal: interruption.signal,
  })
}

/** Tells an error like every other; the answer is the process's exit code. */
async function tell(error: LabError, ui: Ui, options: GlobalOptions): Promise<number> {
  const { showError } = await import('../ui/error-view.js')
  showError(error, { ui, stderr: process.stderr, env: process.env, options })
  return error.exitCode
}

/** The first signal asks the work to stop cleanly, the second leaves. */
function onSignal(): void {
  if (interruption.signal.aborted) process.exit(130)
  ui?.emit({
    type: 'warning',
    text: 'Stopping: what is under way at AWS is finished first. Ctrl-C again leaves at once; nothing is lost either way.',
  })
  interruption.abort()
}

/** A rehearsal's account is quick to answer: minutes at AWS are seconds there. */
const rehearsalScale = 0.1

/** Waits shrink by this factor where the tests speak to an account that answers at once. */
function clockOf(env: NodeJS.ProcessEnv, options: GlobalOptions) {
  // Asked at each wait: somebody without credentials may choose the rehearsal at a question.
  const scale = () => {
    const wanted = Number(env.LIBRECHAT_LAB_POLL_SCALE ?? (options.rehearse ? rehearsalScale : 1))
    return wanted > 0 && wanted < 1 ? wanted : 1
  }
  return {
    ...systemClock,
    sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms * scale(), signal),
  }
}

async function work(
  node: CommandNode,
  path: string,
  options: GlobalOptions,
  args: string[],
): Promise<number> {
  ui = await newUi(options)
  const context: Context = {
    ui,
    clock: clockOf(process.env, options),
    env: process.env,
    signal: interruption.signal,
    ...(args.length === 0 ? { command: path } : {}),
  }
  if (node.callsAws) {
    const of = node.ofNoLab ? '' : ` "${(options.name ?? 'default').slice(0, 60)}"`
    ui.emit({ type: 'heading', text: `${program} ${__VERSION__} · ${path}${of}` })
    if (options.rehearse) ui.emit({ type: 'note', text: rehearsed.begins })
  }
  const { run } = await (node.load as NonNullable<CommandNode['load']>)()
  try {
    return await run(options as never, context, args)
  } catch (error) {
    const { adviseFor } = await import('../aws/advice.js')
    const said =
      interruption.signal.aborted || error instanceof Interrupted
        ? interrupted(path, error)
        : await adviseFor(error, options, process.env)
    return await tell(said, ui, options)
  } finally {
    if (node.callsAws && options.rehearse)
      ui.emit({ type: 'note', text: `${ui.interactive ? '\n' : ''}${rehearsed.ends}` })
    else if (node.callsAws) await announceNewVersion(ui)
  }
}

function interrupted(path: string, cause: unknown): LabError {
  return new LabError({
    code: 'interrupted',
    what: 'Interrupted.',
    fix: [`${program} ${path}   goes on where it stopped`],
    exitCode: 130,
    cause,
  })
}

/** Only a person at a terminal hears of it. */
async function announceNewVersion(ui: Ui): Promise<void> {
  if (!ui.interactive || ui.json) return
  const { newVersion } = await import('../ui/new-version.js')
  const version = newVersion(__VERSION__, process.env)
  if (version)
    ui.emit({
      type: 'note',
      text: `${program} ${version} is out, this is ${__VERSION__}: npx ${program}@latest`,
    })
}

/** Commander's help with the examples first and the way to more help last. */
class ExamplesFirst extends Help {
  readonly #node: CommandNode | undefined
  constructor(node: CommandNode | undefined) {
    super()
    this.#node = node
    this.helpWidth = Math.min(process.stdout.columns ?? 100, 110)
    this.sortSubcommands = false
  }
  override formatHelp(command: Command, help: Help): string {
    const node = this.#node
    const lines = columns(
      (node?.examples ?? rootExamples).map(([line, why]) => [`  ${program} ${line}`, why]),
    )
    const exits = node
      ? `\nExit codes: 0 done, 1 failed, 130 interrupted${node.exits ? `; ${node.exits}` : ''}\n`
      : ''
    return `Examples:\n${lines.join('\n')}\n\n${super.formatHelp(command, help)}${exits}\nHelp: ${program} help <topic> (costs, security, permissions)\n      ${homepage}\n`
  }
}

const rootExamples: CommandNode['examples'] = [
  ['up --rehearse', 'see it all on an account in memory, at no cost'],
  ['up', 'make a private LibreChat on your AWS account'],
  ['status', 'how it is, who can reach it, what it costs'],
  ['tunnel', 'reach it on localhost, with no open port'],
  ['destroy', 'remove it and all that it holds'],
]

function optionOf({ flags, text, choices }: { flags: string; text: string; choices?: readonly string[] }) {
  const option = new Option(flags, text)
  return choices ? option.choices([...choices]) : option
}

function build(node: CommandNode, parents: string[], done: (code: number) => void): Command {
  const path = [...parents, node.name]
  const command = new Command(node.name).summary(node.summary).description(node.summary)
  command.createHelp = () => new ExamplesFirst(node)
  command.helpCommand(false)
  command.helpOption('-h, --help', 'show this')
  for (const { name, text, choices } of node.args ?? []) {
    command.addArgument(
      choices ? command.createArgument(name, text).choices([...choices]) : command.createArgument(name, text),
    )
  }
  for (const flag of node.options ?? []) command.addOption(optionOf(flag))
  for (const flag of globalFlags) command.addOption(optionOf(flag))
  for (const child of node.children ?? []) command.addCommand(build(child, path, done))
  if (node.load) {
    command.action(async (...given: unknown[]) => {
      const self = given.at(-1) as Command
      done(await work(node, path.join(' '), self.optsWithGlobals(), self.args))
    })
  }
  return command
}

async function main(argv: readonly string[]): Promise<number> {
  let code = 0
  const root = new Command(program)
    .description('A private LibreChat on your own AWS account, with one command.')
    .version(__VERSION__, '-v, --version', 'show the version')
    .helpOption('-h, --help', 'show this')
    .showSuggestionAfterError()
  root.createHelp = () => new ExamplesFirst(undefined)
  root.helpCommand(false)
  for (const node of tree) root.addCommand(build(node, [], (c) => (code = c)))
  root.addCommand(helpCommand(root))
  const misuse = usageErrors(root)
  if (argv.length === 0) {
    process.stdout.write(root.helpInformation())
    return 0
  }
  try {
    await root.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    const json = argv.includes('--json')
    const said = error instanceof LabError ? error : misuse(error, json)
    if (said) {
      const options = { json, color: !argv.includes('--no-color') }
      return await tell(said, await newUi(options), options)
    }
    // Help and version have been shown.
    if (error instanceof CommanderError) return error.exitCode
    throw error
  }
  return code
}

function helpCommand(root: Command): Command {
  return new Command('help')
    .argument('[topic...]', 'a command, or costs, security, permissions')
    .description('Show help on a command or a topic')
    .option('--json', 'one JSON object on stdout')
    .helpOption('-h, --help', 'show this')
    .action(async (words: string[], { json }: { json?: true }) => {
      const text = await helpOn(root, words)
      process.stdout.write(json ? `${JSON.stringify({ topic: words.join(' '), text })}\n` : text)
    })
}

/** A command's help, or a topic's page; LabError `no-such-topic`. */
async function helpOn(root: Command, words: readonly string[]): Promise<string> {
  let command: Command | undefined = root
  for (const word of words) command = command?.commands.find((child) => child.name() === word)
  if (command) return command.helpInformation()
  const { topicPage } = await import('./help.js')
  return topicPage(words.join(' '))
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
/** A reader that has gone, such as `head`, or a terminal that was closed: no reason to leave work half done. */
const isGone = ({ code }: NodeJS.ErrnoException) => code === 'EPIPE' || code === 'EIO'
process.stderr.on('error', (error) => {
  if (!isGone(error)) throw error
})
process.stdout.on('error', (error) => {
  if (!isGone(error)) throw error
  // What prints for as long as somebody reads ends cleanly.
  interruption.abort()
})
process.exitCode = await main(process.argv.slice(2))
