import { expect, it } from 'vitest'
import { type Account, openAccount } from '../support/account.js'
import { run } from '../support/cli.js'
import type { Call } from '../support/gateway/call.js'
import { type Effect, failure, throttle } from '../support/gateway/faults.js'
import { leftovers } from '../support/inventory.js'
import { complaints, lab } from '../support/lab.js'
import { lanes } from '../support/lanes.js'
import { describeAws } from '../support/moto.js'
import { describeAccount } from '../support/suite.js'

const regions = ['us-east-1']
const seeds = [1, 2, 3, 4, 5, 6]

/** Of a hundred calls 30 are throttled, 10 carried out with their answer lost, 5 fail, the rest wait up to `slowest` ms. */
function storm(seed: number, slowest: number): (call: Call) => Effect {
  const random = mulberry(seed)
  return (call) => {
    const luck = random()
    if (luck < 0.3) return throttle(call)
    if (luck < 0.4) return { kind: 'drop' }
    if (luck < 0.45) return failure(call)
    return { kind: 'delay', ms: Math.floor(random() * slowest) }
  }
}

/** A small generator of evenly spread numbers (mulberry32), so that a seed is a storm. */
function mulberry(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296
  }
}

const destroy = async (account: Account) => {
  const { addresses } = await lab(account)
  return [
    'destroy',
    '--confirm',
    'default',
    ...addresses.flatMap((one) => ['--release-address', `${one.PublicIp}`]),
  ]
}

describeAws('storms', (moto) => {
  it('up still finishes, nothing is doubled, and destroy leaves nothing', async () => {
    const open = () => openAccount(moto(), { models: 3 })
    const accounts = await Promise.all([open(), open(), open()])
    const failures: string[] = []
    let calls = 0
    await lanes(accounts, seeds, async (account, seed) => {
      const wrong = (what: string) => void failures.push(`seed ${seed}: ${what}`)
      account.forget()
      // One of them with the whole two seconds; all of them would take minutes.
      account.gateway.faults.storm = storm(seed, seed === 1 ? 2_000 : 60)
      // Retries may be used up in so strong a storm: then the same command again, as the program says itself.
      let ended = await run(account, ['up', '--yes'])
      let attempts = 1
      for (; ended.code !== 0 && attempts < 4; attempts += 1) ended = await run(account, ['up', '--yes'])
      if (ended.code !== 0) wrong(`up: ${ended.code} after ${attempts} runs: ${ended.stderr.slice(-800)}`)
      if (attempts > 1) process.stdout.write(`storm ${seed}: up needed ${attempts} runs\n`)
      account.gateway.faults.clear()
      for (const complaint of complaints(await lab(account))) wrong(`not so: ${complaint}`)
      account.gateway.faults.storm = storm(seed + 1_000, 60)
      const args = await destroy(account)
      let gone = await run(account, args)
      for (let n = 1; gone.code !== 0 && n < 4; n += 1) gone = await run(account, args)
      if (gone.code !== 0) wrong(`destroy: ${gone.code}: ${gone.stderr.slice(-800)}`)
      account.gateway.faults.clear()
      const left = await leftovers(account, regions)
      if (left.length) wrong(`left: ${left.join(', ')}`)
      calls += account.calls.length
    })
    process.stdout.write(`storms: ${seeds.length} seeds, ${calls} calls, ${failures.length} failures\n`)
    expect(failures).toEqual([])
    await Promise.all(accounts.map((account) => account.close()))
  }, 600_000)
})

describeAccount('everything slow at once', (account) => {
  it('profile, group, address and instance not yet visible, start and agent late: no failure', async () => {
    Object.assign(account().slowness, {
      profile: 900,
      group: 500,
      address: 700,
      instance: 600,
      starting: 800,
      agent: 1_500,
      terminating: 800,
    })
    const ended = await run(account(), ['up', '--yes'])
    expect(ended.code, ended.stderr).toBe(0)
    expect(complaints(await lab(account()))).toEqual([])
    expect(await run(account(), await destroy(account()))).toMatchObject({ code: 0 })
    expect(await leftovers(account(), regions)).toEqual([])
  })
})
