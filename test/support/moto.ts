import { describe, inject } from 'vitest'
import type { Moto } from './moto-server.js'

/**
 * A suite that needs an AWS API: hands over a getter for moto, in which each test opens accounts of its own.
 * Skipped where there is no moto; the global set-up then names the files that were not run.
 */
export function describeAws(name: string, body: (moto: () => Pick<Moto, 'url'>) => void): void {
  const motos = inject('motos')
  const worker = Number(process.env.VITEST_POOL_ID)
  describe.skipIf(motos.length === 0)(name, () => {
    body(() => ({ url: motos[worker % motos.length] ?? '' }))
  })
}
