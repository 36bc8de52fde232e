/** An option as its command defines it; the key beside it is its long name. */
export type OptionSpec =
  /** Given or not. */
  | { kind: 'flag'; text: string; short?: string }
  /**
   * Takes a word; `off` is the help of its `--no-` form, which answers `false`. A `secret` one can contain a password, so
   * its value is never printed.
   */
  | { kind: 'word'; value: string; text: string; choices?: readonly string[]; off?: string; secret?: true }
  /** Takes one word or more. */
  | { kind: 'words'; value: string; text: string }
  /** `--name` switches it on and `--no-name` off; without either, it stays as it was. */
  | { kind: 'toggle'; text: string; off: string }
  /** Only a `--no-` form. */
  | { kind: 'off'; off: string }

export type OptionSpecs = Readonly<Record<string, OptionSpec>>

type Camel<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name

/** The name under which a handler gets an option: "allow-cidr" as "allowCidr". */
export const camel = (name: string): string => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase())

type ValueOf<Spec> = Spec extends { kind: 'word' }
  ?
      | (Spec extends { choices: readonly (infer Word)[] } ? Word : string)
      | (Spec extends { off: string } ? false : never)
  : Spec extends { kind: 'words' }
    ? string[]
    : boolean

/** The options that the handler gets. */
export type OptionsOf<Specs> = {
  -readonly [Name in keyof Specs & string as Camel<Name>]?: ValueOf<Specs[Name]>
}
