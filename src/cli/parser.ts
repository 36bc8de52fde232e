import { Command as Commander, Option } from 'commander'
import type { GlobalOptions } from '../app/context.js'
import type { Command } from '../app/define-command.js'
import { LabError } from '../core/error.js'
import { ExamplesFirst } from './command-help.js'
import { type CommandNode, type Flag, globalFlags, tree } from './tree.js'

/** Parses command lines. */
export type Runs = (command: Command, options: GlobalOptions, args: string[]) => Promise<void>

const optionOf = ({ flags, text, choices }: Flag): Option => {
  const option = new Option(flags, text)
  return choices ? option.choices([...choices]) : option
}

function parserOf(node: CommandNode, runs: Runs): Commander {
  const parser = new Commander(node.name).summary(node.summary).description(node.summary)
  parser.createHelp = () => new ExamplesFirst(node)
  parser.helpCommand(false)
  parser.helpOption('-h, --help', 'show help')
  const { command } = node
  for (const { name, text, choices } of command?.args ?? []) {
    const argument = parser.createArgument(name, text)
    parser.addArgument(choices ? argument.choices([...choices]) : argument)
  }
  for (const flag of [...node.options, ...globalFlags]) parser.addOption(optionOf(flag))
  refuseMistaken(parser)
  for (const child of node.children) parser.addCommand(parserOf(child, runs))
  if (command) {
    parser.action(async (...given: unknown[]) => {
      const self = given.at(-1) as Commander
      await runs(command, scenarioRehearses(self.optsWithGlobals()), self.args)
    })
  }
  return parser
}

/**
 * LabError `bad-usage` if an option would take the next option as its value, or if both `--x` and `--no-x` are given:
 * the library silently uses the last one.
 */
function refuseMistaken(parser: Commander): void {
  const given = new Set<string>()
  const refuse = (what: string) => {
    throw new LabError({ code: 'bad-usage', what, fix: [] })
  }
  for (const option of parser.options) {
    const name = option.name()
    const opposite = option.negate ? name.replace(/^no-/, '') : `no-${name}`
    parser.on(`option:${name}`, (value: unknown) => {
      given.add(name)
      if (typeof value === 'string' && value.startsWith('--'))
        refuse(`--${name} needs a value; ${value.slice(0, 60)} is an option.`)
      if (given.has(opposite))
        refuse(`--${opposite} and --${name} contradict each other. Give only one of them.`)
    })
  }
}

/** Checks that a scenario exists. */
const scenarioRehearses = (options: GlobalOptions): GlobalOptions =>
  options.scenario === undefined ? options : { ...options, rehearse: true }

/** The parser of the whole program; `help` prints what the `help` command was asked for. */
export function buildParser(
  version: string,
  runs: Runs,
  help: (root: Commander, words: readonly string[], json: boolean) => Promise<void>,
): Commander {
  const root = new Commander('librechat-lab')
    .description('A private LibreChat on your own AWS account, with one command.')
    .version(version, '-v, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .showSuggestionAfterError()
  root.createHelp = () => new ExamplesFirst(undefined)
  root.helpCommand(false)
  for (const node of tree) root.addCommand(parserOf(node, runs))
  root.addCommand(
    new Commander('help')
      .argument('[topic...]', 'a command, or costs, security, permissions')
      .description('Show help on a command or a topic')
      .option('--json', 'print one JSON object on stdout')
      .helpOption('-h, --help', 'show help')
      .action((words: string[], { json }: { json?: true }) => help(root, words, json ?? false)),
  )
  return root
}

/** `--rehearse=<scenario>`, of earlier versions, becomes `--scenario <scenario>`. */
export function withoutOldForms(argv: readonly string[]): { argv: string[]; old: boolean } {
  const isOld = (word: string) => /^--rehearse=./s.test(word)
  return {
    argv: argv.flatMap((word) => (isOld(word) ? [`--scenario=${word.slice('--rehearse='.length)}`] : word)),
    old: argv.some(isOld),
  }
}

/** Removes `--help` after an unknown command: the parser would show the parent's help instead of an error. */
export function withoutHelpOfNothing(root: Commander, argv: readonly string[]): string[] {
  let level: Commander = root
  for (const word of argv) {
    if (word.startsWith('-') || level.commands.length === 0) return [...argv]
    const next = level.commands.find((child) => child.name() === word)
    if (!next) return argv.filter((one) => one !== '-h' && one !== '--help')
    level = next
  }
  return [...argv]
}
