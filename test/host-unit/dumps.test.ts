import { expect, it } from 'vitest'
import { offerDump } from '../../src/host/dumps.js'
import { scriptedHost, sent, succeeded } from './scripted.js'

const busy = {
  Status: 'Failed',
  StatusDetails: 'Failed',
  ResponseCode: 1,
  StandardOutputContent: JSON.stringify({
    error: {
      code: 'transfer-busy',
      what: 'Another one is being transferred.',
      why: 'Nothing was changed.',
      fix: [],
    },
  }),
}
const backup = {
  id: '20261127T020000Z-backup',
  bytes: 1,
  seconds: 1,
  stoppedSeconds: 1,
  files: {},
  transfer: 'its id',
  port: 1,
  token: 'sealed',
}

it('a backup waits for the transfer of a command that was killed', async () => {
  const { host, elapsed } = scriptedHost({
    SendCommand: () => sent,
    GetCommandInvocation: [busy, busy, succeeded(JSON.stringify({ backup }))],
  })
  expect(await offerDump(host, 'PEM', '{}')).toMatchObject({ transfer: 'its id' })
  expect(elapsed()).toBeGreaterThan(10_000)
})

it('a backup is refused while another one is alive', async () => {
  const { host, elapsed } = scriptedHost({ SendCommand: () => sent, GetCommandInvocation: () => busy })
  await expect(offerDump(host, 'PEM', '{}')).rejects.toMatchObject({ code: 'transfer-busy' })
  expect(elapsed()).toBeGreaterThan(30_000)
  expect(elapsed()).toBeLessThan(60_000)
})
