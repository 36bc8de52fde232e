import { Command, CommanderError, Help, Option } from 'commander'
import type { Context, GlobalOptions } from './commands/context.js'
import { type CommandNode, globalFlags, tree } from './commands/tree.js'
import { systemClock } from './engine/clock.js'
import { LabError } from './engine/error.js'
import { showError } from './ui/error-view.js'
import type { Face } from './ui/face.js'
import { makeFace } from './ui/make-face.js'

const program = 'librechat-lab'
const homepage = 'https://github.com/librechat-lab/librechat-lab'

// The libraries are bundled: their advice on Node's version is for us, not for the person.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'

const interruption = new AbortController()
let face: Face | undefined

/** The first signal asks the work to stop cleanly, the second leaves. */
function onSignal(): void {
  if (interruption.signal.aborted) process.exit(130)
  face?.emit({
    type: 'warning',
    text: 'Stopping: what is under way at AWS is finished first. Ctrl-C again leaves at once; nothing is lost either way.',
  })
  interruption.abort()
}

/** Waits shrink by this factor where the tests speak to an account that answers at once. */
function clockOf(env: NodeJS.ProcessEnv) {
  const scale = Number(env.LIBRECHAT_LAB_POLL_SCALE ?? 1)
  if (!(scale > 0 && scale < 1)) return systemClock
  return {
    ...systemClock,
    sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms * scale, signal),
  }
}

async function work(
  node: CommandNode,
  path: string,
  options: GlobalOptions,
  args: string[],
): Promise<number> {
  face = makeFace({
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    json: options.json ?? false,
    color: options.color,
    signal: interruption.signal,
  })
  const context: Context = {
    face,
    clock: clockOf(process.env),
    env: process.env,
    signal: interruption.signal,
  }
  if (node.callsAws) {
    face.emit({ type: 'heading', text: `${program} ${__VERSION__} · ${path} "${options.name ?? 'default'}"` })
    if (options.rehearse) face.emit({ type: 'note', text: rehearsed.begins })
  }
  const { run } = await (node.load as NonNullable<CommandNode['load']>)()
  try {
    return await run(options as never, context, args)
  } catch (error) {
    const { advise } = await import('./aws/errors.js')
    const said = interruption.signal.aborted
      ? new LabError({
          code: 'interrupted',
          what: 'Interrupted.',
          fix: [`${program} ${path}   goes on where it stopped`],
          exitCode: 130,
          cause: error,
        })
      : advise(error, options)
    showError(said, { face, stderr: process.stderr, env: process.env, options })
    return said.exitCode
  } finally {
    if (node.callsAws && options.rehearse) face.emit({ type: 'note', text: rehearsed.ends })
  }
}

const rehearsed = {
  begins:
    'Rehearsal: an account in memory. Nothing is made at AWS, nothing is paid, no call leaves this machine.',
  ends: 'That was a rehearsal: nothing was made at AWS. The same without --rehearse does it.',
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
    const lines = (node?.examples ?? rootExamples).map(([line, why]) => {
      const shown = line.startsWith('source') || line.includes('|') ? line : `${program} ${line}`
      return `  ${shown.padEnd(44)}  ${why}`.trimEnd()
    })
    const exits = node
      ? `\nExit codes: 0 done, 1 failed, 130 interrupted${node.exits ? `; ${node.exits}` : ''}\n`
      : ''
    return `Examples:\n${lines.join('\n')}\n\n${super.formatHelp(command, help)}${exits}\nHelp: ${program} help <topic> (costs, security, permissions), ${homepage}\n`
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
  root.addHelpCommand(false)
  for (const node of tree) root.addCommand(build(node, [], (c) => (code = c)))
  root.addCommand(helpCommand(root))
  override(root, argv.includes('--json'))
  if (argv.length === 0) {
    process.stdout.write(root.helpInformation())
    return 0
  }
  try {
    await root.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode
  }
  return code
}

/** Errors in the command line itself: told like every other, never by leaving the process. */
function override(command: Command, json: boolean): void {
  command.exitOverride()
  command.configureOutput({
    outputError: (text, write) => {
      const what = text.replace(/^error: /, '').trim()
      if (!json) return write(`✖ ${what}\n  ${program} ${pathOf(command)}--help   shows what it takes\n`)
      process.stdout.write(
        `${JSON.stringify({ error: { code: 'bad-usage', what, fix: [`${program} ${pathOf(command)}--help`] } })}\n`,
      )
    },
  })
  for (const child of command.commands) override(child, json)
}

const pathOf = (command: Command): string => {
  const names: string[] = []
  for (let c: Command | null = command; c?.parent; c = c.parent) names.unshift(c.name())
  return names.length > 0 ? `${names.join(' ')} ` : ''
}

function helpCommand(root: Command): Command {
  return new Command('help')
    .argument('[topic]', 'a command, or costs, security, permissions')
    .description('Show help on a command or a topic')
    .action(async (topic: string | undefined) => {
      const command = root.commands.find((c) => c.name() === topic)
      if (!topic || command) {
        process.stdout.write((command ?? root).helpInformation())
        return
      }
      const { showTopic } = await import('./commands/help.js')
      process.stdout.write(showTopic(topic))
    })
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
for (const stream of [process.stdout, process.stderr]) {
  // A reader that has gone, such as `head`, is no failure.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
}
process.exitCode = await main(process.argv.slice(2))
