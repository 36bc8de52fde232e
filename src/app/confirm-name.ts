import { type CommandLine, LabError } from '../core/error.js'
import type { Context } from './context.js'

/**
 * Requires the lab's name for what can't be undone, typed at the terminal or with `--confirm`. LabErrors `not-confirmed`,
 * `declined`.
 * @param path the command that runs
 * @param to what it does to the lab: "Type the lab's name to ..."
 * @param declined what was not done: "Nothing was deleted."
 */
export async function confirmName(
  { lab, confirm, path }: { lab: string; confirm: string | undefined; path: Confirmed },
  { to, hint, declined }: { to: string; hint: string; declined: string },
  { ui }: Context,
): Promise<void> {
  if (confirm === lab) return
  if (confirm !== undefined) {
    throw new LabError({
      code: 'not-confirmed',
      what: `--confirm is ${JSON.stringify(confirm.slice(0, 60))}, but the lab's name is "${lab}".`,
      fix: [{ command: { keeps: true, path, flags: { confirm: lab } } as CommandLine }],
    })
  }
  const typed = await ui.input({
    flag: `--confirm ${lab}`,
    message: `Type the lab's name to ${to} (${lab}):`,
    hint,
  })
  if (typed.trim() !== lab)
    throw new LabError({ code: 'declined', what: `The name does not match. ${declined}` })
}

type Confirmed = 'destroy' | 'restore' | 'backup remove'
