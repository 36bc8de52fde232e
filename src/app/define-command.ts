import type { OptionSpecs, OptionsOf } from '../core/options.js'
import type { GlobalOptions, Run } from './context.js'

export type { OptionSpec, OptionSpecs } from '../core/options.js'

/** An argument, in order: `<it>` is required, `[it]` is not, `[it...]` takes any number. */
export interface ArgSpec {
  name: `<${string}>` | `[${string}]`
  text: string
  /** The only values that it accepts. */
  choices?: readonly string[]
  /** Values that a shell completes; others are accepted too. */
  offers?: readonly string[]
}

/** The flags that a hint can have, by long name. */
export type FlagsOf<Specs> = {
  [Name in keyof Specs & string as Specs[Name] extends { kind: 'off' } ? `no-${Name}` : Name]?:
    | (Specs[Name] extends { kind: 'word' }
        ? string
        : Specs[Name] extends { kind: 'words' }
          ? readonly string[]
          : true)
    | undefined
} & {
  [Name in keyof Specs & string as Specs[Name] extends { off: string } ? `no-${Name}` : never]?:
    | true
    | undefined
}

type WordOf<Arg> = Arg extends { choices: readonly (infer Word extends string)[] } ? Word : string

/** The arguments as a tuple: ["user@example.org"], ["portainer"], or any number of words. */
type ArgsOf<Args extends readonly ArgSpec[]> = Args extends readonly [
  infer First extends ArgSpec,
  ...infer Rest extends readonly ArgSpec[],
]
  ? First['name'] extends `[${string}...]`
    ? WordOf<First>[]
    : First['name'] extends `<${string}>`
      ? [WordOf<First>, ...ArgsOf<Rest>]
      : [WordOf<First>?, ...ArgsOf<Rest>]
  : []

interface Definition<Name extends string, Args extends readonly ArgSpec[], Options extends OptionSpecs> {
  /** Its words: "up", "user add". */
  name: Name
  /** One line, in the imperative. */
  summary: string
  /** Command lines without the program's name, each with what it does. */
  examples: readonly (readonly [line: string, why: string])[]
  args: Args
  options: Options
  /** Exit codes besides 0 done, 1 failed and 130 interrupted; `0` describes success if it is not "done". */
  exits: Readonly<Record<number, string>>
  /** Calls AWS: shows identity and region first, and can be rehearsed. */
  callsAws: boolean
  /** Concerns an account, not one lab, so hints to it don't repeat `--name`. */
  ofNoLab: boolean
  /** Changes something, so a result that can't be printed is of work that was done. */
  changes: boolean
  /** Changes nothing, and may run until the user stops it. */
  untilStopped: boolean
  /** After an interruption it does all of its work again. */
  startsOver: boolean
}

/** A command: its handler, and the definition for parser, help, completion and hints. */
export interface Command<
  Name extends string = string,
  Args extends readonly ArgSpec[] = readonly ArgSpec[],
  Options extends OptionSpecs = OptionSpecs,
> extends Definition<Name, Args, Options> {
  run: Run<never, never>
}

type Given<Name extends string, Args extends readonly ArgSpec[], Options extends OptionSpecs> = Pick<
  Definition<Name, Args, Options>,
  'name' | 'summary' | 'examples'
> &
  Partial<Definition<Name, Args, Options>> & { run: Run<OptionsOf<Options>, ArgsOf<Args>> }

/** Definitions are loaded at every start, so a handler imports its code when it runs. */
export function defineCommand<
  const Name extends string,
  const Args extends readonly ArgSpec[] = [],
  const Options extends OptionSpecs = Record<never, never>,
>(definition: Given<Name, Args, Options>): Command<Name, Args, Options>
export function defineCommand(
  definition: Given<string, readonly ArgSpec[], OptionSpecs>,
): Command<string, readonly ArgSpec[], OptionSpecs> {
  const { changes = false, exits = {} } = definition
  return {
    args: [],
    options: {},
    callsAws: false,
    ofNoLab: false,
    changes,
    untilStopped: false,
    startsOver: false,
    ...definition,
    exits: { ...(changes ? { 2: 'done, but the result could not be printed' } : {}), ...exits },
  }
}

/**
 * For a handler that passes on all its options: `up(options satisfies Only<UpOptions, typeof options>)` does not
 * compile when the command has an option that `UpOptions` lacks, such as one that was renamed on one side.
 */
export type Only<Wanted, Given> = [Exclude<keyof Given, keyof Wanted | keyof GlobalOptions>] extends [never]
  ? Wanted
  : { 'options that differ': Exclude<keyof Given, keyof Wanted | keyof GlobalOptions> }
