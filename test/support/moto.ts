import { afterAll, beforeAll, describe, inject } from 'vitest'
import { type Moto, startMoto } from './moto-server.js'

/**
 * A suite that needs an AWS API: starts one moto for the file and hands over a getter for it.
 * Skipped where there is no moto; the global set-up then names the files that were not run.
 */
export function describeAws(name: string, body: (moto: () => Moto) => void): void {
  const python = inject('python')
  describe.skipIf(!python)(name, () => {
    let moto: Moto | undefined
    beforeAll(async () => {
      moto = await startMoto(python ?? '')
    })
    afterAll(() => moto?.stop())
    body(() => {
      if (!moto) throw new Error('moto has not been started')
      return moto
    })
  })
}
