import type { GlobalOptions } from '../app/context.js'
import type { Command } from '../app/define-command.js'
import type { CommandLine, Hint, OtherCommand, Prose } from '../core/error.js'
import { camel } from '../core/options.js'
import { shellQuote } from '../core/shell.js'
import { unbroken } from '../ui/style.js'
import { commandAt } from './tree.js'

/** Renders commands as this user has to type them. */
export interface HintRenderer {
  /** A hint as one line: the command, then what it does; or a text with its commands. */
  hint(hint: Prose | Hint): string
}

const program = 'librechat-lab'

/** A command is copied as a whole, so no line breaks within it: see wrap in ui/style.ts. */
const whole = (command: string) => command.replaceAll(' ', unbroken)

/** A placeholder such as `<email>` or `<key>=<value>` stays as it is. */
const quoted = (word: string) => (/^(<[\w -]+>[,=]?)+$/.test(word) ? word : shellQuote(word))

/** A command's options, each with its values. */
const optionsOf = ({ flags = {} }: CommandLine): string[] =>
  Object.entries(flags as Record<string, string | true | readonly string[] | undefined>).flatMap(
    ([name, value]) => {
      if (value === undefined) return []
      const values = value === true ? [] : [value].flat()
      return [[`--${name}`, ...values.map(quoted)].join(' ')]
    },
  )

/**
 * The flags that were given, by their long names. A consent is given for what was shown; where nothing can be asked, the
 * command would fail without it. The options that every command has are added where hints are written.
 */
export function givenFlags(
  { options }: Command,
  given: GlobalOptions,
  { withConsent }: { withConsent: boolean },
): Record<string, unknown> {
  const values = new Map<string, unknown>(Object.entries(given))
  const flags = Object.entries(options).flatMap(([option, spec]): [string, unknown][] => {
    const value = values.get(camel(option))
    if (value === undefined || (!withConsent && ['yes', 'confirm'].includes(option))) return []
    if (value === false) return [[`no-${option}`, true]]
    return [[option, spec.kind === 'word' && spec.secret ? spec.value : value]]
  })
  return Object.fromEntries(flags)
}

/** Commands wider than this are split over several lines if allowed. */
const longLine = 76

const isParts = (hint: Exclude<Prose, string> | Hint): hint is Exclude<Prose, string> => Array.isArray(hint)

/**
 * Renders commands with npx if librechat-lab is not installed, and with the user's options that select the lab,
 * unless the command has them already. A consent is repeated only in the command that was given: for another one, it was
 * not given.
 * @param options read when a hint is printed, because a question can add to them
 * @param canAsk whether there is a terminal to ask
 * @param running the command that runs, whose options and arguments a hint can keep
 */
export function renderHint(
  env: NodeJS.ProcessEnv,
  options: () => GlobalOptions,
  canAsk = true,
  running: { name: string; args: readonly string[] } | undefined = undefined,
): HintRenderer {
  const npx = () => (env.npm_command === 'exec' ? 'npx ' : '')

  /** The options that select the lab, without those in `rest`. */
  const where = (path: string, rest: string): string[] => {
    const command = commandAt.get(path)
    if (!command?.callsAws) return []
    const { name, profile, region, rehearse, scenario } = options()
    const pairs: (readonly string[])[] = [
      ...(name && name !== 'default' && !command.ofNoLab ? [['--name', quoted(name)]] : []),
      ...(profile ? [['--profile', quoted(profile)]] : []),
      ...(region ? [['--region', quoted(region)]] : []),
      ...(rehearse || scenario ? [['--rehearse']] : []),
    ]
    const has = (flag: string) => new RegExp(`(^|\\s)${flag}(?![\\w-])`).test(rest)
    return pairs
      .filter(([flag = '']) => !has(flag) && !(flag === '--rehearse' && has('--scenario')))
      .map((pair) => pair.join(' '))
  }

  /** The same for a command of the AWS CLI; IAM and single sign-on have no region, and `configure` sets it. */
  const whereOfAws = (run: string): string => {
    const [, service] = /^aws (\S+)/.exec(run) ?? []
    if (service === undefined || service === 'configure') return ''
    const { profile, region } = options()
    const has = (flag: string) => new RegExp(`\\s${flag}\\s`).test(run)
    return [
      ...(region && !['iam', 'sso'].includes(service) && !has('--region')
        ? [` --region ${quoted(region)}`]
        : []),
      ...(profile && !has('--profile') ? [` --profile ${quoted(profile)}`] : []),
    ].join('')
  }

  const other = (run: string): string => whole(`${run}${whereOfAws(run)}`)

  const line = (asked: CommandLine): string => {
    const definition = commandAt.get(asked.path)
    const isRunning = running === undefined || running.name === asked.path
    const command = asked.keeps && isRunning && definition ? kept(asked, definition) : asked
    // A list of values comes last, so that no argument is taken for one of its values.
    const rest = [...(command.args ?? []).map(quoted), ...optionsOf(command)]
    const [first = '', ...others] = rest
    const begin = [program, command.path, ...where(command.path, rest.join(' ')), first].filter(Boolean)
    const words = [`${npx()}${begin.join(' ')}`, ...others]
    const isLong = command.overLines && words.join(' ').length >= longLine
    return whole(words.join(isLong ? ' \\\n    ' : ' '))
  }

  const kept = (command: CommandLine, definition: Command): CommandLine =>
    ({
      ...command,
      args: command.args ?? running?.args ?? [],
      flags: { ...givenFlags(definition, options(), { withConsent: !canAsk }), ...command.flags },
    }) as CommandLine

  const partText = (part: string | CommandLine | OtherCommand): string =>
    typeof part === 'string' ? part : 'run' in part ? other(part.run) : line(part)

  return {
    hint: (hint) => {
      if (typeof hint === 'string') return hint
      if (isParts(hint)) return hint.map(partText).join('')
      const typed = hint.command ? line(hint.command) : hint.run && other(hint.run)
      return [typed, hint.text].filter(Boolean).join('   ')
    },
  }
}
