import type { Run } from './context.js'

/** An option as its command defines it; the key beside it is its long name. */
export type OptionSpec =
  /** Given or not. */
  | { kind: 'flag'; text: string; short?: string }
  /** Takes a word; `off` is the help of its `--no-` form, which answers `false`. */
  | { kind: 'word'; value: string; text: string; choices?: readonly string[]; off?: string }
  /** Takes one word or more. */
  | { kind: 'words'; value: string; text: string }
  /** On by its name, off by its `--no-` form, and as it was without either. */
  | { kind: 'toggle'; text: string; off: string }
  /** Only a `--no-` form. */
  | { kind: 'off'; off: string }

export type OptionSpecs = Readonly<Record<string, OptionSpec>>

/** An argument, in order: `<it>` is required, `[it]` is not, `[it...]` takes any number. */
export interface ArgSpec {
  name: `<${string}>` | `[${string}]`
  text: string
  /** The only words that it takes. */
  choices?: readonly string[]
  /** Words that a shell may complete; others are taken too. */
  offers?: readonly string[]
}

type Camel<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name

type ValueOf<Spec> = Spec extends { kind: 'word' }
  ?
      | (Spec extends { choices: readonly (infer Word)[] } ? Word : string)
      | (Spec extends { off: string } ? false : never)
  : Spec extends { kind: 'words' }
    ? string[]
    : boolean

/** What the handler is handed for its options. */
export type OptionsOf<Specs> = {
  -readonly [Name in keyof Specs & string as Camel<Name>]?: ValueOf<Specs[Name]>
}

/** What a hint may say about them: by long name, as typed. */
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
export type ArgsOf<Args extends readonly ArgSpec[]> = Args extends readonly [
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
  /** The words that lead to it: "up", "user add". */
  name: Name
  /** One line, in the imperative. */
  summary: string
  /** Command lines without the program's name, each with what it does. */
  examples: readonly (readonly [line: string, why: string])[]
  args: Args
  options: Options
  /** Exit codes beside 0 done, 1 failed and 130 interrupted; `0` says what success means where it is not "done". */
  exits: Readonly<Record<number, string>>
  /** Speaks to AWS: says who and where first, and can be rehearsed. */
  callsAws: boolean
  /** Concerns an account, not one lab: hints about it don't repeat `--name`. */
  ofNoLab: boolean
}

/** A command: what its parser, help, completion and hints are made from, and its handler. */
export interface Command<
  Name extends string = string,
  Args extends readonly ArgSpec[] = readonly ArgSpec[],
  Options extends OptionSpecs = OptionSpecs,
> extends Definition<Name, Args, Options> {
  load(): Promise<{ run: Run<never, never> }>
}

/** Both or neither have a key: a handler that expects an option under an old name does not compile. */
type Unmatched<One, Other> = Exclude<keyof One, keyof Other> | Exclude<keyof Other, keyof One>
type Matching<Handled, Defined> = [Unmatched<Handled, Defined>] extends [never]
  ? unknown
  : { load: { 'options that differ': Unmatched<Handled, Defined> } }

type Given<Name extends string, Args extends readonly ArgSpec[], Options extends OptionSpecs> = Pick<
  Definition<Name, Args, Options>,
  'name' | 'summary' | 'examples'
> &
  Partial<Definition<Name, Args, Options>>

/**
 * Defines a command with a handler of its own file, or with one that stands beside the definition. Definitions are
 * read at every start, so what a handler needs is imported when it runs.
 */
export function defineCommand<
  const Name extends string,
  Handled,
  const Args extends readonly ArgSpec[] = [],
  const Options extends OptionSpecs = Record<never, never>,
>(
  definition: Given<Name, Args, Options> & {
    load: () => Promise<{ run: Run<Handled, ArgsOf<Args>> }>
  } & Matching<Handled, OptionsOf<Options>>,
): Command<Name, Args, Options>
export function defineCommand<
  const Name extends string,
  const Args extends readonly ArgSpec[] = [],
  const Options extends OptionSpecs = Record<never, never>,
>(
  definition: Given<Name, Args, Options> & { run: Run<OptionsOf<Options>, ArgsOf<Args>> },
): Command<Name, Args, Options>
export function defineCommand(
  definition: Given<string, readonly ArgSpec[], OptionSpecs> & {
    load?: Command['load']
    run?: Run<never, never>
  },
): Command {
  const { run } = definition
  const load = definition.load ?? (async () => ({ run: run as Run<never, never> }))
  return { args: [], options: {}, exits: {}, callsAws: false, ofNoLab: false, ...definition, load }
}
