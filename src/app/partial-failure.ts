import { advise, type Where } from '../aws/advice.js'
import { LabError } from '../core/error.js'

/** From the first change on a failure leaves something behind: exit code 2, and the ways on. */
export function toPartialFailure(error: unknown, where: Where, ways: readonly string[]): LabError {
  const said = advise(error, where)
  return new LabError({
    code: said.code,
    what: said.message,
    ...(said.why ? { why: said.why } : {}),
    fix: [...said.fix, ...ways],
    fault: said.fault,
    exitCode: 2,
    requestId: said.requestId,
    cause: error,
  })
}
