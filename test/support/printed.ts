import { renderHint } from '../../src/cli/render-hint.js'
import type { LabError } from '../../src/core/error.js'
import { plainSpaces } from '../../src/ui/style.js'

/** An error's hints as a person reads them, one a line. */
export function printedFix({ fix }: LabError): string {
  const { hint } = renderHint({}, () => ({}))
  return plainSpaces(fix.map(hint).join('\n'))
}
