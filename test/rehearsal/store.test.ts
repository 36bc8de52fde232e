import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import * as ec2 from '@aws-sdk/client-ec2'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { Store } from '../../src/rehearsal/store.js'
import { play, stateFile } from './played.js'

const count = (store: Store) =>
  store.change((account) => {
    account.agreements.count = (account.agreements.count ?? 0) + 1
    return account.agreements.count
  })

describe('the rehearsal’s state file', () => {
  it('loses nothing when many change it concurrently', async () => {
    const path = stateFile()
    const stores = Array.from({ length: 4 }, () => new Store(path, systemClock))
    await Promise.all(stores.flatMap((store) => Array.from({ length: 25 }, () => count(store))))
    expect(JSON.parse(readFileSync(path, 'utf8')).agreements.count).toBe(100)
    expect(existsSync(`${path}.lock`)).toBe(false)
  })

  it('loses nothing when two processes change it concurrently', async () => {
    const path = stateFile()
    const store = new Store(path, systemClock)
    await count(store)
    // The lock as another process would take it, without our code: it must be respected.
    const other = spawn(process.execPath, [
      '-e',
      `
      const fs = require('fs'), path = ${JSON.stringify(path)}, lock = path + '.lock'
      let left = 50
      const turn = () => {
        let file
        try { file = fs.openSync(lock, 'wx') } catch { return setTimeout(turn, 1) }
        fs.writeSync(file, 'process ' + process.pid + ' on ' + require('os').hostname())
        const account = JSON.parse(fs.readFileSync(path, 'utf8'))
        account.agreements.count++
        setTimeout(() => {
          fs.writeFileSync(path, JSON.stringify(account))
          fs.closeSync(file)
          fs.rmSync(lock)
          if (--left) setTimeout(turn, 1)
        }, 2)
      }
      turn()`,
    ])
    let mine = 1
    const exited = once(other, 'exit')
    while (other.exitCode === null) {
      await count(store)
      mine++
      await systemClock.sleep(1)
    }
    await expect(exited).resolves.toEqual([0, null])
    expect(JSON.parse(readFileSync(path, 'utf8')).agreements.count).toBe(mine + 50)
  })

  it('takes over the lock of a dead process immediately', async () => {
    const path = stateFile()
    const ended = spawn(process.execPath, ['-e', ''])
    await once(ended, 'exit')
    writeFileSync(`${path}.lock`, `process ${ended.pid} on ${hostname()}`)
    const begun = Date.now()
    await expect(count(new Store(path, systemClock))).resolves.toBe(1)
    expect(Date.now() - begun).toBeLessThan(1000)
  })

  it('takes over an old lock, and waits for a recent one', async () => {
    const path = stateFile()
    const lock = `${path}.lock`
    writeFileSync(lock, 'process 1 on another-machine')
    let done = false
    const change = count(new Store(path, systemClock)).then(() => {
      done = true
    })
    await systemClock.sleep(100)
    expect(done).toBe(false)
    utimesSync(lock, 1, 1)
    await change
    expect(done).toBe(true)
  })

  it('keeps nothing of a change that fails', async () => {
    const path = stateFile()
    const store = new Store(path, systemClock)
    await count(store)
    const failing = store.change((account) => {
      account.agreements.count = 99
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    await expect(count(store)).resolves.toBe(2)
  })

  it('starts over with a file that is damaged or of another version', async () => {
    for (const text of ['{"versi', '{"version":0}', '']) {
      const path = stateFile()
      writeFileSync(path, text)
      await expect(count(new Store(path, systemClock))).resolves.toBe(1)
    }
  })

  it.skipIf(process.platform === 'win32')('is readable to its owner alone', async () => {
    const { statePath, clients } = await play()
    await clients.ec2.send(new ec2.AllocateAddressCommand({}))
    expect(statSync(statePath).mode & 0o777).toBe(0o600)
  })
})
