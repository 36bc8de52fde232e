import type { Run } from '../app/context.js'
import type { Summary, UpView } from '../app/up/run.js'
import { up } from '../app/up/up.js'
import type { UpOptions } from '../app/up-options.js'
import { planJson, planText } from '../ui/plan-view.js'
import { summaryJson, summaryText } from '../ui/summary-view.js'
import type { Ui } from '../ui/ui.js'

/** Creates the lab, repairs it or changes it. */
export const run: Run<UpOptions> = (options, context) => up(options, context, viewOf(context.ui))

const viewOf = (ui: Ui): UpView => ({
  plan: (plan) => ui.show((paint) => planText(plan, paint)),
  dryRun: (plan) => ui.result(planText(plan, ui), { ...planJson(plan), dryRun: true }),
  summary(summary) {
    showPasswordApart(summary.firstUser, ui)
    ui.result(summaryText(summary, ui), summaryJson(summary))
  },
})

/** With `--json` a password that the host made goes to the person's terminal, never into the document. */
function showPasswordApart(user: Summary['firstUser'], ui: Ui): void {
  if (!user?.password || !ui.json) return
  ui.emit(
    ui.interactive
      ? { type: 'note', text: `${user.email}'s password, shown this once: ${user.password}` }
      : {
          type: 'warning',
          text: `The first user's password is not part of the JSON: librechat-lab user reset-password ${user.email}`,
        },
  )
}
