import { LabError } from '../../core/error.js'
import { type Choices, certificateFrom, isDetected, settingsFrom } from '../../lab/choices.js'
import { isAllowed } from '../../lab/cidr.js'
import { newGeneration } from '../../lab/graph.js'
import type { Settings } from '../../lab/settings.js'
import { chatChoice } from '../chat-choice.js'
import type { Context } from '../context.js'
import { converse } from '../conversation.js'
import type { OpenLab } from '../open-lab.js'
import { givenPassword, givesPassword } from '../password.js'
import type { Run, Wish } from './run.js'

/** Determines what the run wants: flags, this machine's address, models, and answers to the questions. */
export async function settle(run: Run): Promise<Wish> {
  const { open, options, context, choices } = run
  // Before anything is asked that a refusal would lose.
  certificateFrom(open.stored, choices)
  const [detected, here, chat] = await Promise.all([
    isDetected(open.stored, choices) ? open.connection.internet.publicAddress() : undefined,
    typeof choices.allow === 'object' ? ownAddress(open) : undefined,
    chatChoice(open, options, context),
  ])
  const generation = newGeneration()
  const check = (said: Pick<Wish, 'choices' | 'chat'>): void => {
    if (givesPassword(options) && !(said.choices.email ?? open.stored?.email)) throw passwordOfNobody()
    settingsOf(run, { ...said, detected, generation, password: undefined }, open.stored)
  }
  const asks = context.ui.interactive && !options.yes && !options.dryRun
  const said =
    asks && !open.stored
      ? await converse({ choices, chat, detected, options, open, context, check })
      : { choices, chat }
  warnOfLockout(said.choices, detected ?? here, context)
  check(said)
  const email = said.choices.email ?? open.stored?.email
  const password = email && !options.dryRun ? await givenPassword(email, options, context) : undefined
  return { ...said, detected, generation, password }
}

const passwordOfNobody = () =>
  new LabError({
    code: 'bad-option',
    what: 'There is no first user whose password this would be.',
    fix: [{ command: { keeps: true, path: 'up', flags: { email: '<e-mail>' } }, text: 'names the user' }],
  })

/** Only for a warning, so a failed look-up is ignored. */
const ownAddress = async (open: OpenLab): Promise<string | undefined> => {
  try {
    return await open.connection.internet.publicAddress()
  } catch (error) {
    if (error instanceof LabError) return undefined
    throw error
  }
}

/** Warns before the plan when the chosen ranges leave out the user's own address. */
function warnOfLockout({ allow }: Choices, address: string | undefined, { ui }: Context): void {
  if (typeof allow !== 'object' || address === undefined || isAllowed(address, allow.cidrs)) return
  ui.emit({
    type: 'warning',
    text: [
      `Your own address ${address} is not in the allowed ranges: from here only `,
      { path: 'tunnel' },
      ' will reach the lab.',
    ],
  })
}

/** The wanted settings, based on the stored ones. */
export function settingsOf({ open }: Run, wish: Wish, stored: Settings | undefined): Settings {
  const { choices, chat, detected, generation } = wish
  return settingsFrom({ stored, choices, chat, detected, generation, lab: open.lab })
}

/**
 * The settings after a look at the host's users: a lab with users keeps its e-mail address, and a generated password
 * is due until it was shown.
 */
export function withFirstUser(
  settings: Settings,
  about: {
    stored: Settings | undefined
    users: number | undefined
    task: 'create' | 'reset' | 'none'
    typed: boolean
  },
): Settings {
  const { stored, users, task, typed } = about
  const { passwordDue: _, email: wanted, ...rest } = settings
  const email = task === 'none' && users !== undefined && users > 0 ? stored?.email : wanted
  const due =
    (task === 'create' && !typed) || task === 'reset' || (users === undefined && settings.passwordDue)
  return {
    ...rest,
    ...(email === undefined ? {} : { email }),
    ...(due && email !== undefined ? { passwordDue: true as const } : {}),
  }
}
