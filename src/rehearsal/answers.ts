import type { World } from './world.js'

/** What the SDK's command classes have in common, for reading their types off. */
type Sent<Command> = Command extends new (
  ...args: never[]
) => {
  resolveMiddleware(...args: never[]): (args: { input: infer Input }) => Promise<{ output: infer Output }>
}
  ? { input: Input; output: Omit<Output, '$metadata'> }
  : never

/**
 * What the rehearsal account answers, call by call, typed with an SDK package's own inputs and outputs:
 * `Answers<typeof import('@aws-sdk/client-ec2')>` has `RunInstances(input, world)` and all the others.
 * An answer is synchronous and complete: it reads and changes `world`, and throws what AWS would say.
 */
export type Answers<Sdk> = {
  [Name in keyof Sdk & string as Name extends `${infer Call}Command` ? Call : never]?: (
    input: Sent<Sdk[Name]>['input'],
    world: World,
  ) => Sent<Sdk[Name]>['output']
}

/** Any service's answers, once their types have been checked. */
export type AnyAnswers = Record<string, ((input: never, world: World) => object) | undefined>
