import type { Summary, UpView } from '../app/up/run.js'
import { planJson, planText } from './plan-view.js'
import { summaryJson, summaryText } from './summary-view.js'
import type { Ui } from './ui.js'

/** Shows the plan and the result of `up`. */
export const upView = (ui: Ui): UpView => ({
  plan: (plan) => ui.show((paint) => planText(plan, paint)),
  dryRun: (plan) => ui.result(planText(plan, ui), { ...planJson(plan, ui), dryRun: true }),
  summary(summary) {
    showPasswordApart(summary.firstUser, ui)
    ui.result(summaryText(summary, ui), summaryJson(summary, ui))
  },
})

/** With `--json` a password that the host generated goes to the user's terminal, never into the document. */
function showPasswordApart(user: Summary['firstUser'], ui: Ui): void {
  if (!user?.password || !ui.json) return
  ui.emit(
    ui.interactive
      ? { type: 'note', text: `${user.email}'s password, shown only once: ${user.password}` }
      : {
          type: 'warning',
          text: "The JSON does not contain the first user's password. To set a new one:",
          command: { path: 'user reset-password', args: [user.email] },
        },
  )
}
