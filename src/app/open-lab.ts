import type { Clients } from '../aws/clients.js'
import type { Connection } from '../aws/connect.js'
import { LabError } from '../core/error.js'
import { type Leftovers, readPath } from '../lab/leftovers.js'
import { checkedName, names } from '../lab/names.js'
import type { Settings } from '../lab/settings.js'
import { parseSettings } from '../lab/stored-settings.js'
import type { LabId } from '../resources/ownership.js'
import { type ParameterText, type ReadSettings, readParameter } from '../resources/settings-parameter.js'
import type { Context, GlobalOptions } from './context.js'
import { identityLine, signIn } from './sign-in.js'

export type { Settings } from '../lab/settings.js'
export type { LabId } from '../resources/ownership.js'

/** A lab to work on, with the connection and its stored settings. */
export interface OpenLab {
  connection: Connection
  clients: Clients
  lab: LabId
  /** What an earlier run stored; undefined for a new lab. */
  stored: Settings | undefined
  /** The parameter's version that `stored` was read from. */
  storedVersion: number | undefined
  /** Its text. The versions of a parameter that is deleted and created again start at 1. */
  storedText: string | undefined
  /** What was under the lab's path, if that was read. */
  leftovers: Leftovers | undefined
}

interface Opening {
  /** Treats unreadable settings as none. */
  anySpec?: boolean
  /** Reads the settings with all that is under the lab's path. */
  readsPath?: boolean
}

/** Settings that can't be read don't stop a destroy. */
function tryParse(value: string, parameter: string, lab: LabId): Settings | undefined {
  try {
    return parseSettings(value, parameter, lab)
  } catch (error) {
    if (error instanceof LabError && error.code === 'bad-settings') return undefined
    throw error
  }
}

/** Connects and reads the lab's settings. Two concurrent calls. */
export async function connectLab(
  options: GlobalOptions,
  context: Context,
  { anySpec = false, readsPath = false }: Opening = {},
  /** Called before the settings are read. */
  onConnected: (connection: Connection) => void = () => {},
): Promise<OpenLab> {
  const name = checkedName(options.name)
  const parameter = names(name).settings
  const read = async (clients: Clients) =>
    readsPath
      ? await readPath(clients, { name })
      : { settings: await readParameter(clients.ssm, parameter), leftovers: undefined }
  let reading: ReturnType<typeof read> | undefined
  const connection = await signIn(options, context, (clients) => {
    reading = read(clients)
    reading.catch(() => {}) // A problem with the identity is reported first.
  })
  const { clients, account, region, partition } = connection
  onConnected(connection)
  const { settings: found, leftovers } = await (reading ?? read(clients))
  const lab = { name, region, account, partition }
  const stored = found && (anySpec ? tryParse : parseSettings)(found.value, parameter, lab)
  return {
    connection,
    clients,
    lab,
    stored,
    storedVersion: found?.version,
    storedText: found?.value,
    leftovers,
  }
}

/** The lab with its settings as they are now. */
export async function reread(open: OpenLab): Promise<OpenLab> {
  const { clients, lab } = open
  const parameter = names(lab.name).settings
  const found = await readParameter(clients.ssm, parameter)
  const stored = found && parseSettings(found.value, parameter, lab)
  return { ...open, stored, storedVersion: found?.version, storedText: found?.value, leftovers: undefined }
}

/** The settings parameter as it was when the lab was opened. */
export const settingsReadBy =
  ({ storedText: value, storedVersion: version }: OpenLab): ReadSettings =>
  async () =>
    value === undefined || version === undefined ? undefined : { value, version }

/** Whether the settings parameter is unchanged. */
export const isAsRead = (
  { storedText, storedVersion }: Pick<OpenLab, 'storedText' | 'storedVersion'>,
  now: ParameterText | undefined,
): boolean => now?.value === storedText && now?.version === storedVersion

/** The same, and shows account, region and identity. */
export const openLab = (options: GlobalOptions, context: Context, how: Opening = {}): Promise<OpenLab> =>
  connectLab(options, context, how, (connection) =>
    context.ui.emit({ type: 'note', text: identityLine(connection, connection.region) }),
  )
