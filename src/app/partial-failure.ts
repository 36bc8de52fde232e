import { advise, type Where } from '../aws/advice.js'
import { type Hint, LabError } from '../core/error.js'

/** After the first change a failure leaves something behind: exit code 2, and how to continue. */
export function toPartialFailure(error: unknown, where: Where, ways: readonly (string | Hint)[]): LabError {
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
