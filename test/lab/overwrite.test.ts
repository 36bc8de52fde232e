import { PutParameterCommand } from '@aws-sdk/client-ssm'
import { describe, expect, it } from 'vitest'
import { overwrite } from '../../src/resources/settings-parameter.js'
import { awsError, parameterStore } from './parameter-store.js'

const name = '/librechat-lab/default/spec'

describe('settings that are written over the version that they come from', () => {
  it('keep what another run wrote in between, and report it', async () => {
    const { ssm, there } = parameterStore()
    for (const Value of ['read', 'theirs'])
      await ssm.send(new PutParameterCommand({ Name: name, Value, Type: 'String', Overwrite: true }))
    await expect(overwrite(ssm, name, 'mine', 1)).rejects.toMatchObject({
      code: 'settings-conflict',
      exitCode: 2,
    })
    expect(there.get(name)?.value).toBe('theirs')
  })

  it('take a repeat of their own call for no conflict', async () => {
    const { ssm, there } = parameterStore()
    for (const Value of ['read', 'mine'])
      await ssm.send(new PutParameterCommand({ Name: name, Value, Type: 'String', Overwrite: true }))
    await expect(overwrite(ssm, name, 'mine', 1)).resolves.toBe(3)
    expect(there.get(name)?.value).toBe('mine')
  })

  it('pass on every failure', async () => {
    const { ssm, failing } = parameterStore()
    failing.push({ command: 'PutParameter', error: awsError('AccessDeniedException') })
    await expect(overwrite(ssm, name, 'mine', 1)).rejects.toMatchObject({ name: 'AccessDeniedException' })
  })
})
