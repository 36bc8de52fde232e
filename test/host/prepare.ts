import { disk } from './disk.js'

/** Once, before the suites start machines on it at the same time. */
export default function prepare(): void {
  disk((text) => console.error(`machine: ${text}`))
}
