import type { ArgSpec, Command, FlagsOf, OptionSpec, OptionSpecs } from '../app/define-command.js'
import { accessAdd } from '../commands/access-add.js'
import { accessList } from '../commands/access-list.js'
import { accessRemove } from '../commands/access-remove.js'
import { addressPolicy } from '../commands/address-policy.js'
import { backup } from '../commands/backup.js'
import { backupList } from '../commands/backup-list.js'
import { backupRemove } from '../commands/backup-remove.js'
import { backupVerify } from '../commands/backup-verify.js'
import { completion } from '../commands/completion.js'
import { destroy } from '../commands/destroy.js'
import { doctor } from '../commands/doctor.js'
import { graduate } from '../commands/graduate.js'
import { list } from '../commands/list.js'
import { logs } from '../commands/logs.js'
import { models } from '../commands/models.js'
import { open } from '../commands/open.js'
import { policy } from '../commands/policy.js'
import { portainerPassword } from '../commands/portainer-password.js'
import { restore } from '../commands/restore.js'
import { scheduleOff } from '../commands/schedule-off.js'
import { scheduleSet } from '../commands/schedule-set.js'
import { scheduleShow } from '../commands/schedule-show.js'
import { shell } from '../commands/shell.js'
import { start } from '../commands/start.js'
import { status } from '../commands/status.js'
import { stop } from '../commands/stop.js'
import { tunnel } from '../commands/tunnel.js'
import { up } from '../commands/up.js'
import { update } from '../commands/update.js'
import { usage } from '../commands/usage.js'
import { userAdd } from '../commands/user-add.js'
import { userAllowance } from '../commands/user-allowance.js'
import { userList } from '../commands/user-list.js'
import { userRemove } from '../commands/user-remove.js'
import { userResetPassword } from '../commands/user-reset-password.js'
import { scenarios } from '../core/scenarios.js'

/** The commands in the order in which help lists them. */
const commands = [
  up,
  status,
  update,
  destroy,
  stop,
  start,
  scheduleSet,
  scheduleShow,
  scheduleOff,
  tunnel,
  open,
  backup,
  backupVerify,
  backupList,
  backupRemove,
  restore,
  graduate,
  list,
  models,
  doctor,
  usage,
  accessList,
  accessAdd,
  accessRemove,
  userAdd,
  userList,
  userRemove,
  userResetPassword,
  userAllowance,
  portainerPassword,
  shell,
  logs,
  addressPolicy,
  policy,
  completion,
] as const

/** Options that every command takes. */
const globals = {
  name: { kind: 'word', value: '<name>', text: 'the lab’s name; default: default' },
  profile: { kind: 'word', value: '<profile>', text: 'the AWS profile to use' },
  region: {
    kind: 'word',
    value: '<region>',
    text: 'the AWS region; default: AWS_REGION, then the profile’s',
  },
  rehearse: { kind: 'flag', text: 'use an account in memory; nothing is created in AWS' },
  scenario: {
    kind: 'word',
    value: '<scenario>',
    text: `rehearse a failure: ${scenarios.map(({ name }) => name).join(', ')}`,
  },
  json: { kind: 'flag', text: 'print one JSON object on stdout, for errors too' },
  color: { kind: 'off', off: 'no colours (NO_COLOR and FORCE_COLOR are respected)' },
  debug: { kind: 'flag', text: 'show stack traces' },
} as const satisfies OptionSpecs

/** Words of a group of commands, such as "user". */
const groups: Readonly<Record<string, Pick<CommandNode, 'summary' | 'examples'>>> = {
  schedule: {
    summary: 'Start and stop the lab at set times',
    examples: [
      ['schedule set --start 08:00 --stop 20:00 --days mon-fri --timezone Europe/Berlin', 'sets them'],
      ['schedule show', 'shows them'],
      ['schedule off', 'removes them'],
    ],
  },
  access: {
    summary: 'Manage who can reach the lab',
    examples: [
      ['access list', 'lists the addresses that can reach it'],
      ['access add 198.50.100.7', 'lets another address in'],
      ['access remove 198.50.100.7', 'no longer lets it in'],
    ],
  },
  user: {
    summary: 'Manage LibreChat’s users',
    examples: [
      ['user add me@example.org', 'creates a user; the password is shown once'],
      ['user list', 'lists users'],
      ['user reset-password me@example.org', 'sets a new password'],
    ],
  },
  portainer: {
    summary: 'Manage Portainer’s admin',
    examples: [['portainer password', 'shows the first password']],
  },
  address: {
    summary: 'Protect the Elastic IP',
    examples: [['address policy', 'prints a policy that denies releasing it']],
  },
}

type Commands = (typeof commands)[number]
type LineOf<Definition> =
  Definition extends Command<string, readonly ArgSpec[], infer Options>
    ? FlagsOf<Options> & FlagsOf<typeof globals>
    : never

declare module '../core/error.js' {
  // The commands and flags that hints can name.
  interface CommandLines extends AllLines {}
}
type AllLines = { [Definition in Commands as Definition['name']]: LineOf<Definition> }

/** An option as shown in help: "--disk <GB>"; "..." takes several words. */
export interface Flag {
  flags: string
  text: string
  choices?: readonly string[]
  offers?: readonly string[]
}

/** A command or a group of commands, as parser, help and completion need it. */
export interface CommandNode {
  /** Its last word. */
  name: string
  summary: string
  examples: readonly (readonly [line: string, why: string])[]
  options: readonly Flag[]
  children: readonly CommandNode[]
  /** Undefined for a group. */
  command?: Command
}

const flagsOf = ([name, spec]: [string, OptionSpec]): Flag[] => {
  const off = 'off' in spec && spec.off !== undefined ? [{ flags: `--no-${name}`, text: spec.off }] : []
  switch (spec.kind) {
    case 'off':
      return off
    case 'toggle':
      return [{ flags: `--${name}`, text: spec.text }, ...off]
    case 'flag':
      return [{ flags: `${spec.short ? `-${spec.short}, ` : ''}--${name}`, text: spec.text }]
    case 'words':
      return [{ flags: `--${name} ${spec.value}`, text: spec.text }]
    case 'word':
      return [
        {
          flags: `--${name} ${spec.value}`,
          text: spec.text,
          ...(spec.choices ? { choices: spec.choices } : {}),
        },
        ...off,
      ]
  }
}

const asFlags = (specs: OptionSpecs): Flag[] => Object.entries(specs).flatMap(flagsOf)

export const globalFlags: readonly Flag[] = asFlags(globals).map((flag) =>
  flag.flags.startsWith('--scenario') ? { ...flag, offers: scenarios.map(({ name }) => name) } : flag,
)

const nodeOf = (command: Command, name: string): CommandNode => ({
  name,
  summary: command.summary,
  examples: command.examples,
  options: asFlags(command.options),
  children: [],
  command,
})

/** The commands below a path, with a group for each first word that several share. */
export const tree: readonly CommandNode[] = [...new Set(commands.map(({ name }) => firstWord(name)))].map(
  (first) => {
    const own = commands.find(({ name }) => name === first)
    const { summary = '', examples = [] } = groups[first] ?? {}
    const children = commands
      .filter(({ name }) => firstWord(name) === first && name !== first)
      .map((command) => nodeOf(command as unknown as Command, command.name.slice(first.length + 1)))
    // "backup" is a command, and "backup list" another.
    if (own) return { ...nodeOf(own as unknown as Command, first), children }
    return { name: first, summary, examples, options: [], children }
  },
)

function firstWord(name: string): string {
  return name.split(' ')[0] ?? name
}

/** Every command by its path. */
export const commandAt: ReadonlyMap<string, Command> = new Map(
  commands.map((command) => [command.name, command as unknown as Command]),
)
