import { createRequire } from 'node:module'
import { afterAll } from 'vitest'

// The files of the unit project share modules, so what one of them has mocked has to answer the next one again.
const require = createRequire(import.meta.url)
const sinon = createRequire(require.resolve('aws-sdk-client-mock'))('sinon')
afterAll(() => sinon.restore())
