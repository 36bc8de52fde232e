import { type CommandNode, tree } from '../../src/cli/tree.js'

/** A command that does something, with the words that lead to it: ["user", "add"]. */
export interface Leaf {
  path: string[]
  node: CommandNode
}

const below = (nodes: readonly CommandNode[], parents: string[]): Leaf[] =>
  nodes.flatMap((node) => {
    const path = [...parents, node.name]
    return [...(node.command ? [{ path, node }] : []), ...below(node.children, path)]
  })

/** Every command of the tree. */
export const leaves: readonly Leaf[] = below(tree, [])
