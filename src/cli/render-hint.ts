import type { GlobalOptions } from '../app/context.js'
import { shellQuote } from '../core/shell.js'
import { type CommandNode, tree } from './tree.js'

interface Path {
  readonly words: string
  readonly node: CommandNode
}

const pathsOf = (nodes: readonly CommandNode[], before = ''): Path[] =>
  nodes.flatMap((node) => {
    const words = `${before}${node.name}`
    return [...pathsOf(node.children ?? [], `${words} `), ...(node.load ? [{ words, node }] : [])]
  })

/**
 * Each command that a text names, as this person has to type it: with npx where there is no librechat-lab to type,
 * and with what they typed themselves to say which lab is meant, unless the command says that already.
 * @returns a function that is asked at the moment of printing, for a question may have added to the options
 */
export function renderHint(env: NodeJS.ProcessEnv, options: GlobalOptions): (text: string) => string {
  const paths = pathsOf(tree)
  const command = new RegExp(`librechat-lab (${paths.map(({ words }) => words).join('|')})(?![\\w-])`, 'g')
  return (text) =>
    text.replace(command, (found, words: string, at: number) => {
      const node = paths.find((path) => path.words === words)?.node
      const rest = /^.*?(?=librechat-lab |\n|$)/.exec(text.slice(at + found.length))?.[0] ?? ''
      const { name, profile, region, rehearse } = options
      const flags = [
        ...(name && name !== 'default' && !node?.ofNoLab ? [['--name', shellQuote(name)]] : []),
        ...(profile ? [['--profile', shellQuote(profile)]] : []),
        ...(region ? [['--region', shellQuote(region)]] : []),
        ...(rehearse ? [['--rehearse']] : []),
      ].filter(([flag = '']) => node?.callsAws && !rest.includes(`${flag} `) && !rest.endsWith(flag))
      const npx = env.npm_command === 'exec' && !text.slice(0, at).endsWith('npx ') ? 'npx ' : ''
      return [`${npx}${found}`, ...flags.map((flag) => flag.join(' '))].join(' ')
    })
}
