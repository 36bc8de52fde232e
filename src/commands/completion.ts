import type { Run } from './context.js'
import { type CommandNode, globalFlags, tree } from './tree.js'

/** Prints a completion script made from the command tree. Calls nothing. */
export const run: Run = async (_, { face }, [shell = 'bash']) => {
  const script = { bash, zsh, fish }[shell as 'bash' | 'zsh' | 'fish']()
  face.result(script, { shell, script })
  return 0
}

const program = 'librechat-lab'

/** "--disk" of "--disk <GB>", with its one-letter form where it has one. */
const wordsOf = (flags: string): string[] => flags.split(/[ ,|]+/).filter((word) => word.startsWith('-'))

/** What may follow a command: its subcommands, its arguments' choices and its flags. */
function after(node: CommandNode): { word: string; text: string }[] {
  return [
    ...(node.children ?? []).map(({ name, summary }) => ({ word: name, text: summary })),
    ...(node.args ?? []).flatMap(({ choices = [], text }) => choices.map((word) => ({ word, text }))),
    ...[...(node.options ?? []), ...globalFlags].flatMap(({ flags, text }) =>
      wordsOf(flags).map((word) => ({ word, text })),
    ),
    { word: '--help', text: 'show help' },
  ]
}

/** Every command with the words that lead to it: ["user", "add"]. */
const paths = (
  nodes: readonly CommandNode[],
  parents: string[] = [],
): { path: string[]; node: CommandNode }[] =>
  nodes.flatMap((node) => {
    const path = [...parents, node.name]
    return [{ path, node }, ...paths(node.children ?? [], path)]
  })

const root = [
  ...tree.map(({ name, summary }) => ({ word: name, text: summary })),
  { word: 'help', text: 'show help' },
]
const quote = (text: string) => `'${text.replace(/'/g, `'\\''`)}'`

function bash(): string {
  const cases = paths(tree).map(
    ({ path, node }) =>
      `    ${quote(path.join(' '))}) words=${quote(
        after(node)
          .map(({ word }) => word)
          .join(' '),
      )} ;;`,
  )
  return `_librechat_lab() {
  local word path='' words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
    '') words=${quote(root.map(({ word }) => word).join(' '))} ;;
${cases.join('\n')}
    *) words='' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _librechat_lab ${program}`
}

function zsh(): string {
  const described = (words: { word: string; text: string }[]) =>
    words.map(({ word, text }) => quote(`${word.replace(/:/g, '\\:')}:${text}`)).join(' ')
  const cases = paths(tree).map(
    ({ path, node }) => `    ${quote(path.join(' '))}) choices=(${described(after(node))}) ;;`,
  )
  return `#compdef ${program}
_librechat_lab() {
  local -a choices named
  local word
  for word in "\${(@)words[2,CURRENT-1]}"; do [[ $word == -* ]] || named+=("$word"); done
  case "\${(j: :)named}" in
    '') choices=(${described(root)}) ;;
${cases.join('\n')}
  esac
  _describe ${program} choices
}
compdef _librechat_lab ${program}`
}

function fish(): string {
  const line = (condition: string, { word, text }: { word: string; text: string }) => {
    const given = word.startsWith('--')
      ? `-l ${word.slice(2)}`
      : word.startsWith('-')
        ? `-s ${word.slice(1)}`
        : `-a ${quote(word)}`
    return `complete -c ${program} -n ${quote(condition)} ${given} -d ${quote(text)}`
  }
  const under = (path: string[]) => path.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ')
  return [
    `complete -c ${program} -f`,
    ...root.map((word) => line('__fish_use_subcommand', word)),
    ...paths(tree).flatMap(({ path, node }) => after(node).map((word) => line(under(path), word))),
  ].join('\n')
}
