// npm run bench [-- startup install peers delays memory labs] [--rounds 5]
import { cpus, loadavg } from 'node:os'
import { withMoto } from './account.js'
import { delays, manyLabs, memory, peers } from './lab.js'
import { install, startup } from './startup.js'

const args = process.argv.slice(2)
const at = args.indexOf('--rounds')
const rounds = at < 0 ? 5 : Number(args.splice(at, 2)[1])
const load = () => `load ${(loadavg()[0] ?? 0).toFixed(1)} on ${cpus().length} processors`
const wants = (part: string) => args.length === 0 || args.includes(part)

async function show(part: string, title: string, measure: () => Promise<string>): Promise<void> {
  if (!wants(part)) return
  const before = load()
  const figures = await measure()
  process.stdout.write(`## ${title}\n\n${figures}\n\nAt ${before} before, ${load()} after.\n\n`)
}

// The libraries’ advice on Node’s version is no figure.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'

process.stdout.write(`Node ${process.version}, ${cpus()[0]?.model}, medians of ${rounds}\n\n`)
await show('startup', 'Start-up', () => startup(rounds * 3))
await show('install', 'Through npx, from the packed file', () => install(rounds))
await withMoto(async (fresh) => {
  await show('peers', 'A lab, and the same by others', () => peers(rounds, fresh))
  await show('delays', 'Over a slow network', () => delays(rounds, fresh))
  await show('memory', 'Memory', () => memory(fresh))
  await show('labs', 'With many labs in the account', () => manyLabs(rounds, fresh))
})
