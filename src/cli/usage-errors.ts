import { type Command, CommanderError } from 'commander'
import { bareCommand, type CommandLine, type CommandPath, LabError, type Prose } from '../core/error.js'
import { scenarios } from '../core/scenarios.js'
import { commandAt, globalFlags } from './tree.js'

/**
 * Makes commander throw instead of exiting the process. The returned function converts what was thrown into a
 * LabError with a fix; undefined for non-errors such as requested help.
 */
export function usageErrors(
  root: Command,
  argv: readonly string[],
): (error: unknown, json: boolean) => LabError | undefined {
  let misuse: LabError | undefined
  const hear = (command: Command, path: string) => {
    command.exitOverride()
    command.configureOutput({
      outputError: (text) => {
        misuse = misused(text, path, root.name(), argv)
      },
    })
    for (const child of command.commands) hear(child, `${path} ${child.name()}`)
  }
  hear(root, root.name())
  return (error, json) => {
    // A user gets the help of the incomplete command; a script needs an error.
    if (json && error instanceof CommanderError && error.code === 'commander.help')
      return misused('the command is incomplete', root.name(), root.name(), argv)
    return misuse
  }
}

/** Commander's complaint, such as "error: unknown command 'stauts'\n(Did you mean status?)". */
function misused(text: string, path: string, program: string, argv: readonly string[]): LabError {
  const [complaint = '', hint = ''] = text.replace(/^error: /, '').split('\n')
  const meant = /Did you mean (?:one of )?(.+)\?\)/.exec(hint)?.[1]?.split(', ') ?? []
  const given = /^unknown option '(--[a-z-]+)/.exec(complaint)?.[1]
  const isMisplaced = path === program && globalFlags.some(({ flags }) => flags.split(' ')[0] === given)
  const short = complaint.length > 200 ? `${complaint.slice(0, 200)}…` : complaint.replace(/\.?$/, '.')
  return new LabError({
    code: 'bad-usage',
    what: `${short.charAt(0).toUpperCase()}${short.slice(1)}`,
    fix: [
      ...meant.map((word): Prose => ['Did you mean ', meantLine(path, word, program), '?']),
      ...scenarioHint(complaint, argv),
      ...(isMisplaced ? [['Options come after the command: ', withFlag('status', given), ' …']] : []),
      { run: `${path} --help`, text: 'shows its arguments and options' },
    ],
  })
}

/** The suggested command or option: a command as data, a group of commands as text. */
function meantLine(path: string, word: string, program: string): string | CommandLine {
  const name = path.slice(program.length + 1)
  if (word.startsWith('--') && commandAt.has(name)) return withFlag(name, word)
  const meant = `${name} ${word}`.trim()
  return commandAt.has(meant) ? bareCommand(meant as CommandPath) : `${path} ${word}`
}

/** The parser's own flags, which have no type. */
const withFlag = (path: string, flag = ''): CommandLine =>
  ({ path, flags: { [flag.replace(/^--/, '')]: true } }) as CommandLine

/** Earlier versions accepted the scenario as a word after --rehearse. */
function scenarioHint(complaint: string, argv: readonly string[]): string[] {
  const word = argv[argv.indexOf('--rehearse') + 1]
  const isMeant = /^too many arguments/.test(complaint) && scenarios.some(({ name }) => name === word)
  return isMeant ? [`To rehearse a failure: --scenario ${word}`] : []
}
