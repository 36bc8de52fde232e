import { type Command as Commander, Help } from 'commander'
import { columns } from '../ui/table.js'
import type { CommandNode } from './tree.js'

const program = 'librechat-lab'
const homepage = 'https://github.com/librechat-lab/librechat-lab'

const rootExamples: CommandNode['examples'] = [
  ['up --rehearse', 'see everything on an account in memory, at no cost'],
  ['up', 'create a private LibreChat on your AWS account'],
  ['status', 'show its health, who can reach it and what it costs'],
  ['tunnel', 'reach it on localhost, without an open port'],
  ['destroy', 'delete it and all its data'],
]

/** The exit codes of all commands, and those of this one. */
function exitCodeLines(exits: Readonly<Record<number, string>>): string[] {
  const all = { 0: 'done', 1: 'failed', 130: 'interrupted', ...exits }
  return columns(Object.entries(all).map(([code, meaning]) => [`  ${code}`, meaning]))
}

/** The codes of a group are those of its commands. */
const exitsOf = ({ command, children }: CommandNode): Readonly<Record<number, string>> =>
  command?.exits ?? Object.assign({}, ...children.map(exitsOf))

/** Commander's help, with examples first and links last. */
export class ExamplesFirst extends Help {
  readonly #node: CommandNode | undefined
  constructor(node: CommandNode | undefined) {
    super()
    this.#node = node
    this.helpWidth = Math.min(process.stdout.columns ?? 100, 110)
    this.sortSubcommands = false
  }
  override formatHelp(parser: Commander, help: Help): string {
    const node = this.#node
    const lines = columns(
      (node?.examples ?? rootExamples).map(([line, why]) => [`  ${program} ${line}`, why]),
    )
    const exits = node ? `\nExit codes:\n${exitCodeLines(exitsOf(node)).join('\n')}\n` : ''
    return `Examples:\n${lines.join('\n')}\n\n${super.formatHelp(parser, help)}${exits}\nHelp: ${program} help <topic> (costs, security, permissions)\n      ${homepage}\n`
  }
}
