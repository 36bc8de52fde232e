import { disk } from './disk.js'
import { prepareHealthy } from './healthy.js'

/** Once, before the suites start machines on it at the same time. */
export default async function prepare(): Promise<void> {
  disk((text) => console.error(`machine: ${text}`))
  await prepareHealthy()
}
