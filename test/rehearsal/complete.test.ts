import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { services } from '../../src/rehearsal/services.js'

const root = new URL('../../src', import.meta.url).pathname

/** Every command of the SDK that the program imports, by client: "ec2 RunInstances". */
function callsOfTheProgram(): string[] {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && !path.startsWith('rehearsal'),
  )
  const calls = files.flatMap((path) => {
    const text = readFileSync(join(root, path), 'utf8')
    return [...text.matchAll(/import \{([^}]*)\} from '@aws-sdk\/client-(\w+)'/g)].flatMap(
      ([, names = '', client]) =>
        [...names.matchAll(/\b(\w+)Command\b/g)].map(([, call]) => `${client} ${call}`),
    )
  })
  return [...new Set(calls)].sort()
}

describe('the rehearsal account', () => {
  it.each(callsOfTheProgram())('answers %s', (name) => {
    const [client = '', call = ''] = name.split(' ')
    const service = Object.values(services).find((one) => one.name === client)
    expect(Object.keys(service?.answers ?? {})).toContain(call)
  })
})
