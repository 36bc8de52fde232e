import { isDetected, settingsFrom } from '../../lab/choices.js'
import { newGeneration } from '../../lab/graph.js'
import type { Settings } from '../../lab/settings.js'
import { chatChoice } from '../chat-choice.js'
import { converse } from '../conversation.js'
import { askPassword } from '../password.js'
import type { Run, Wish } from './run.js'

/** Finds out what the run wants: the flags, this machine's address, the models, and the answers to the questions. */
export async function settle(run: Run): Promise<Wish> {
  const { open, options, context, choices } = run
  const [detected, chat] = await Promise.all([
    isDetected(open.stored, choices) ? open.connection.internet.publicAddress() : undefined,
    chatChoice(open, options, context),
  ])
  const asks = context.ui.interactive && !options.yes && !options.dryRun
  const said =
    asks && !open.stored
      ? await converse({ choices, chat, detected, options, open, context })
      : { choices, chat }
  const email = said.choices.email ?? open.stored?.email
  const password =
    options.askPassword && email && !options.dryRun ? await askPassword(email, context) : undefined
  return { ...said, detected, generation: newGeneration(), password }
}

/** The settings that are wanted, given what is stored. */
export function settingsOf({ open }: Run, wish: Wish, stored: Settings | undefined): Settings {
  const { choices, chat, detected, generation } = wish
  return settingsFrom({ stored, choices, chat, detected, generation, lab: open.lab })
}

/**
 * With what the host's users decide: a lab that has users keeps its e-mail address, and a password that the host makes
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
