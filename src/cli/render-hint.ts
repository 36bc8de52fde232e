import type { GlobalOptions } from '../app/context.js'
import type { CommandLine, Hint } from '../core/error.js'
import { shellQuote } from '../core/shell.js'
import { unbroken } from '../ui/style.js'
import { commandAt, globals } from './tree.js'

/** Renders commands as this user has to type them. */
export interface HintRenderer {
  /** A hint as one line: the command, then what it does. */
  hint(hint: string | Hint): string
  /** A text that names commands: "… To create one: librechat-lab up". */
  text(text: string): string
}

const program = 'librechat-lab'

/** A command is copied as a whole, so no line breaks within it: see wrap in ui/style.ts. */
const whole = (command: string) => command.replaceAll(' ', unbroken)

/** A placeholder such as `<email>` or `<key>=<value>` stays as it is. */
const quoted = (word: string) => (/^(<[\w -]+>[,=]?)+$/.test(word) ? word : shellQuote(word))

/** A command line as words; a list that options end comes last, so that no argument is taken for a part of it. */
function wordsOf({ path, args = [], flags = {} }: CommandLine): string[] {
  const given = Object.entries(flags as Record<string, string | true | readonly string[] | undefined>)
  const words = given.flatMap(([name, value]) =>
    value === undefined ? [] : value === true ? [`--${name}`] : [`--${name}`, ...[value].flat()],
  )
  return [...path.split(' '), ...args, ...words]
}

const paths = [...commandAt.keys()].sort((one, other) => other.length - one.length)
const named = new RegExp(`(npx )?${program} (${paths.join('|')})(?![\\w-])`, 'g')

/** What belongs to a command within a text, over continued lines too: options with values, placeholders, e-mail addresses. */
function restOf(path: string, text: string): string {
  const { options = {} } = commandAt.get(path) ?? {}
  const takesValue = (flag: string) =>
    ['word', 'words'].includes({ ...options, ...globals }[flag]?.kind ?? '')
  const parts = text.matchAll(
    /(?: \\\n *| )(?:--([a-z0-9-]+)( (?:'[^']*'|<[^>]+>|[^\s'<\\-][^\s]*))?|<[^>]+>(?:,<[^>]+>)*|[^\s@]+@[\w.-]*\w)/gy,
  )
  let rest = ''
  for (const [part, flag, value] of parts) {
    const isProse = value !== undefined && flag !== undefined && !takesValue(flag)
    if (isProse) return `${rest} --${flag}`
    // A sentence may end behind it.
    const whole = part.replace(/[.,;:)]+$/, '')
    rest += whole
    if (whole !== part) break
  }
  return rest
}

/**
 * Renders commands with npx where librechat-lab is not installed, and with the user's options that say which lab is
 * meant, unless the command has them already.
 * @param options read when a hint is printed, because a question may have added to them
 */
export function renderHint(env: NodeJS.ProcessEnv, options: () => GlobalOptions): HintRenderer {
  const npx = () => (env.npm_command === 'exec' ? 'npx ' : '')

  /** The options that say which lab is meant, without those that `rest` has. */
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

  const line = (command: CommandLine): string => {
    const rest = wordsOf(command).slice(command.path.split(' ').length).map(quoted)
    return whole(
      `${npx()}${[program, command.path, ...where(command.path, rest.join(' ')), ...rest].join(' ')}`,
    )
  }

  const text = (written: string): string => {
    let shown = ''
    let end = 0
    for (const found of written.matchAll(named)) {
      const [start, typedNpx, path = ''] = found
      const after = found.index + start.length
      const rest = restOf(path, written.slice(after))
      shown += written.slice(end, found.index)
      shown += whole(`${typedNpx ? '' : npx()}${[start, ...where(path, rest)].join(' ')}${rest}`)
      end = after + rest.length
    }
    return shown + written.slice(end)
  }

  return {
    text,
    hint: (hint) => {
      if (typeof hint === 'string') return text(hint)
      const typed = hint.command ? line(hint.command) : hint.run && whole(hint.run)
      return [typed, hint.text && text(hint.text)].filter(Boolean).join('   ')
    },
  }
}
