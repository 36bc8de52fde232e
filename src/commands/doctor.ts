import type { Run } from '../app/context.js'
import { type DoctorOptions, examine } from '../app/doctor.js'
import { findingsJson, findingsText } from '../ui/findings-view.js'

/** Runs every check of `up` and changes nothing. Exit code 1 where `up` would stop. */
export const run: Run<DoctorOptions> = async (options, context) => {
  const findings = await examine(options, context)
  context.ui.result(findingsText(findings, context.ui), findingsJson(findings))
  return findings.every(({ problem }) => !problem) ? 0 : 1
}
