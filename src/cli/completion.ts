import { shellQuote } from '../core/shell.js'
import { commandNeeds } from '../lab/permissions.js'
import { topicNames } from './help.js'
import { type CommandNode, type Flag, globalFlags, tree } from './tree.js'

export type Shell = 'bash' | 'zsh' | 'fish'

/** A completion script made from the command tree. */
export const completionScript = (shell: Shell): string => ({ bash, zsh, fish })[shell]()

const program = 'librechat-lab'

/** A possible next word, with its description. */
interface Word {
  word: string
  text: string
}

/** "--disk" of "--disk <GB>", with its one-letter form where it has one. */
const wordsOf = ({ flags }: Flag): string[] => flags.split(/[ ,|]+/).filter((word) => word.startsWith('-'))

const help: Flag = { flags: '-h, --help', text: 'show help' }
const flagsOf = (node: CommandNode): readonly Flag[] => [...node.options, ...globalFlags, help]

/** What can follow a command: subcommands, argument values and flags. */
const after = (node: CommandNode): Word[] => [
  ...node.children.map(({ name, summary }) => ({ word: name, text: summary })),
  ...(node.command?.args ?? []).flatMap(({ choices, offers, text }) =>
    (choices ?? offers ?? ownWords(node)).map((word) => ({ word, text })),
  ),
  ...flagsOf(node).flatMap((flag) => wordsOf(flag).map((word) => ({ word, text: flag.text }))),
]

/** The commands that `policy` knows. Imported here, because the definition is loaded at every start. */
const ownWords = ({ name }: CommandNode): readonly string[] =>
  name === 'policy' ? Object.keys(commandNeeds) : []

/** Every command with its words, "user add", and what can follow. */
const below = (nodes: readonly CommandNode[], parents = ''): { path: string; node: CommandNode }[] =>
  nodes.flatMap((node) => {
    const path = `${parents}${node.name}`
    return [{ path, node }, ...below(node.children, `${path} `)]
  })

const commands = below(tree)
const first: Word[] = [
  ...tree.map(({ name, summary }) => ({ word: name, text: summary })),
  { word: 'help', text: 'show help on a command or a topic' },
]
const afterHelp: Word[] = [
  ...topicNames.map((word) => ({ word, text: 'a topic' })),
  ...tree.map(({ name, summary }) => ({ word: name, text: summary })),
]
const places: { path: string; words: Word[] }[] = [
  { path: '', words: first },
  { path: 'help', words: afterHelp },
  ...commands.map(({ path, node }) => ({ path, words: after(node) })),
]
const paths = places.flatMap(({ path }) => path || [])

/** Flags with a value that only the user knows. */
const valued = [
  ...new Set(
    commands.flatMap(({ node }) =>
      flagsOf(node)
        .filter((flag) => takesValue(flag) && !valuesOf(flag))
        .flatMap(wordsOf),
    ),
  ),
]

/** Flags with the values to offer. */
const offering = [
  ...new Map(
    commands
      .flatMap(({ node }) => flagsOf(node))
      .flatMap((flag) => {
        const values = valuesOf(flag)
        return values ? wordsOf(flag).map((word) => [word, values] as const) : []
      }),
  ),
]

function valuesOf({ choices, offers }: Flag): readonly string[] | undefined {
  return choices ?? offers
}

function takesValue({ flags }: Flag): boolean {
  return flags.includes('<')
}

// Only a command's words select a subcommand, not an option's value.

const bash = () => `_librechat_lab() {
  local word path='' words
  COMPREPLY=()
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
    ${valued.join('|')}) compopt -o default 2>/dev/null; return ;;
${offering.map(([flag, values]) => `    ${flag}) COMPREPLY=($(compgen -W ${shellQuote(values.join(' '))} -- "\${COMP_WORDS[COMP_CWORD]}")); return ;;`).join('\n')}
  esac
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
      ${paths.map(shellQuote).join('|')}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${places.map(({ path, words }) => `    ${shellQuote(path)}) words=${shellQuote(words.map(({ word }) => word).join(' '))} ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _librechat_lab ${program}`

const zsh = () => {
  const described = (words: Word[]) =>
    words.map(({ word, text }) => shellQuote(`${word.replace(/:/g, '\\:')}:${text}`)).join(' ')
  return `#compdef ${program}
_librechat_lab() {
  local -a choices
  local word place=''
  case "$words[CURRENT-1]" in
    ${valued.join('|')}) _files; return ;;
${offering.map(([flag, values]) => `    ${flag}) compadd -- ${values.join(' ')}; return ;;`).join('\n')}
  esac
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${place:+$place }$word" in
      ${paths.map(shellQuote).join('|')}) place="\${place:+$place }$word" ;;
    esac
  done
  case "$place" in
${places.map(({ path, words }) => `    ${shellQuote(path)}) choices=(${described(words)}) ;;`).join('\n')}
  esac
  _describe ${program} choices
}
compdef _librechat_lab ${program}`
}

const fish = () => {
  const line = (path: string, given: string, text: string) =>
    `complete -c ${program} -n ${shellQuote(`__librechat_lab_at ${path}`.trimEnd())} ${given} -d ${shellQuote(text)}`
  const flagLine = (path: string, flag: Flag) => {
    const names = wordsOf(flag).map((word) =>
      word.startsWith('--') ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`,
    )
    const values = valuesOf(flag)
    const takes = takesValue(flag) ? (values ? ` -x -a ${shellQuote(values.join(' '))}` : ' -r') : ''
    return line(path, `${names.join(' ')}${takes}`, flag.text)
  }
  return [
    `function __librechat_lab_at
  set -l place
  for word in (commandline -opc)[2..]
    contains -- (string join ' ' -- $place $word) ${paths.map(shellQuote).join(' ')}
    and set place $place $word
  end
  test "$place" = "$argv"
end
complete -c ${program} -f`,
    ...places.flatMap(({ path, words }) =>
      words
        .filter(({ word }) => !word.startsWith('-'))
        .map(({ word, text }) => line(path, `-a ${shellQuote(word)}`, text)),
    ),
    ...commands.flatMap(({ path, node }) => flagsOf(node).map((flag) => flagLine(path, flag))),
  ].join('\n')
}
