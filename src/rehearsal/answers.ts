import type { World } from './world.js'

/** The common part of the SDK's command classes, from which their types are inferred. */
type Sent<Command> = Command extends new (
  ...args: never[]
) => {
  resolveMiddleware(...args: never[]): (args: { input: infer Input }) => Promise<{ output: infer Output }>
}
  ? { input: Input; output: Omit<Output, '$metadata'> }
  : never

/**
 * The rehearsal account's answers to calls, typed with an SDK package's inputs and outputs: `Answers<typeof
 * import('@aws-sdk/client-ec2')>` has `RunInstances(input, world)` and all others. An answer is synchronous and
 * complete: it reads and changes `world`, and throws AWS's errors.
 */
export type Answers<Sdk> = {
  [Name in keyof Sdk & string as Name extends `${infer Call}Command` ? Call : never]?: (
    input: Sent<Sdk[Name]>['input'],
    world: World,
  ) => Sent<Sdk[Name]>['output']
}

/** A service's answers with their types erased. */
export type AnyAnswers = Record<string, ((input: never, world: World) => object) | undefined>
