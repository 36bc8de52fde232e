import type { HostHealth } from '../app/host-work.js'
import { clean } from './style.js'
import type { Ui } from './ui.js'

/** A problem or warning of the host, with what to do. */
export const findingText = (
  { text, fix }: HostHealth['problems'][number],
  { hint }: Pick<Ui, 'hint'>,
): string => clean([text, ...fix.map(hint)].join(' '))
