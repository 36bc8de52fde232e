import { closeScript } from '../host/close.js'
import { filesMissing } from '../host/payload.js'
import { stepScript } from '../host/stage.js'
import type { Host, Instance, RunCommand } from './account.js'
import { backupAnswer } from './backups.js'
import { carriedBy } from './carried.js'
import { graduateAnswer } from './host-graduate.js'
import { healthLine } from './host-health.js'
import { updating } from './host-update.js'
import { allowanceAnswer, usageAnswer } from './host-usage.js'
import { type Answer, keyAnswer, portainerAnswer, userAnswer } from './host-users.js'
import { refusedCall } from './refused-calls.js'
import type { World } from './world.js'

interface Work {
  /** The whole script, as it was sent. */
  script: string
  instance: Instance
}

interface Performance {
  /** How long it takes in AWS, in milliseconds. */
  takesMs: number
  outcome: RunCommand['outcome']
  leaves: Partial<Host>
  /** Whether it runs without waiting for other commands. */
  beside?: boolean
}

/** A stage's time on a new host, and where there is nothing to do; in milliseconds, as on a t3.medium. */
const times: Record<string, number> = {
  system: 3_000,
  docker: 16_000,
  images: 14_000,
  stack: 34_000,
  open: 6_000,
  health: 5_000,
  key: 2_000,
  user: 6_000,
  portainer: 4_000,
  backup: 20_000,
  usage: 4_000,
  allowance: 4_000,
  graduate: 4_000,
}
const nothingToDo = 3_000
/** The first of these waits for the rest of the first boot. */
const firstBootRest = 10_000

/** The steps that each reports while it runs. */
const steps: Record<string, readonly string[]> = {
  system: ['preparing the system', 'installing Docker', 'downloading images, 2 of 4 done'],
  docker: ['installing Docker', 'starting Docker'],
  images: ['downloading images, 1 of 4 done', 'downloading images, 3 of 4 done'],
  stack: [
    'starting MongoDB, Meilisearch and Portainer',
    'downloading LibreChat, 7 of 18 layers done',
    'downloading LibreChat, 16 of 18 layers done',
    'starting LibreChat',
    'creating the first user',
  ],
  health: ['starting the proxy and Portainer', 'waiting until everything is healthy'],
}

/** The output of finished stages for the user. */
const sayings: Record<string, string> = {
  system: 'Linux 6.12, 3800 MiB of memory, 2 GiB of swap',
  docker: 'Docker (played)',
  images: 'Compose (played) and all images',
  newImages: 'Compose (played); LibreChat is still downloading',
  stack: 'LibreChat answers (played)',
  trusted: 'a trusted certificate serves (played)',
  own: 'there is no valid trusted certificate at the moment; the lab’s own one serves until there is',
}

/**
 * Simulates the machine of an instance: parses the real Run Command and answers like the host's programs, which are
 * tested elsewhere on a real machine.
 */
export function perform({ script, instance }: Work, world: World): Performance {
  if (script.includes('CHAT_PROOF=')) return prove(script, instance, world)
  if (script === closeScript) return says(2_000, '')
  if (script === stepScript) return { ...says(500, stepOf(instance, world)), beside: true }
  const { files, command, version = '' } = carriedBy(script)
  if (/host\/health\.py"?/.test(command) && files.has('host/health.py')) {
    const holds = command.includes('--hold-idle-stop') && instance.host.idleStop !== undefined
    const leaves = holds ? { idleHeld: true } : {}
    return says(2_000, healthLine({ ...instance, host: { ...instance.host, ...leaves } }, world), leaves)
  }
  // A version's files are sent in several commands.
  if (command === 'true') return says(1_000, '')
  const [stage = '', ...more] = /run\.sh"? ([\w -]+)$/.exec(command)?.[1]?.split(' ') ?? []
  if (![stage, ...more].every((one) => one in times))
    return fails(1_000, `sh: ${command.slice(0, 200)}: not found in this rehearsal`)
  const { host } = instance
  const has = host.versions.includes(version)
  if (!has && !files.has('code/run.sh')) {
    const { code, word } = filesMissing
    return { takesMs: 1_000, outcome: { code, output: `${word}\n`, errors: '' }, leaves: {} }
  }
  const versions = has ? host.versions : [...host.versions, version]
  const { leaves, ...performed } = inTurn([stage, ...more], files, instance, world)
  return { ...performed, leaves: { versions, ...leaves } }
}

/** The current step of the running stage, from its elapsed time. */
function stepOf(instance: Instance, { here, now }: World): string {
  const [running] = Object.values(here.commands).filter(
    (one) => here.instances[one.instance] === instance && one.endsAt > now,
  )
  const words = steps[running?.comment.split(' ').at(-1) ?? ''] ?? []
  const passed = running ? (now - running.requestedAt) / (running.endsAt - running.requestedAt) : 0
  return words[Math.floor(passed * words.length)] ?? ''
}

/** The duration of a program: the first boot has done the first stages' work before the agent was online. */
function timeOf(stage: string, { host, userData }: Instance): number {
  if (stage !== 'backup' && host.done.includes(stage)) return nothingToDo
  if (userData === '') return times[stage] ?? nothingToDo
  if (stage === 'system') return firstBootRest
  return ['docker', 'images'].includes(stage) ? nothingToDo : (times[stage] ?? nothingToDo)
}

/** The host's programs one after another, until one fails. */
function inTurn(
  stages: readonly string[],
  files: ReadonlyMap<string, string>,
  instance: Instance,
  world: World,
): Performance {
  const [stage = '', ...more] = stages
  const first = runs(stage, files, instance, world)
  if (more.length === 0 || first.outcome.code !== 0) return first
  const left = { ...instance, host: { ...instance.host, ...first.leaves } }
  const rest = inTurn(more, files, left, world)
  const output = `${first.outcome.output}${rest.outcome.output}`
  return {
    takesMs: first.takesMs + rest.takesMs,
    outcome: { ...rest.outcome, output },
    leaves: { ...first.leaves, ...rest.leaves },
  }
}

/** One of the host's programs, once its files are there. */
function runs(
  stage: string,
  files: ReadonlyMap<string, string>,
  instance: Instance,
  world: World,
): Performance {
  if (stage === 'images' && world.scenario === 'stage-failing') return pullFails()
  const { host } = instance
  const done = stage !== 'backup' && host.done.includes(stage)
  const takesMs = timeOf(stage, instance)
  const leaves: Partial<Host> = done ? {} : { done: [...host.done, stage] }
  const request = files.get('input/request.json')
  switch (stage) {
    case 'health':
      return says(
        takesMs,
        healthLine(instance, world),
        done ? {} : { ...leaves, firstSetup: firstSetup(instance) },
      )
    case 'key': {
      const { output, keys } = keyAnswer(host.keys)
      return says(takesMs, output, { keys })
    }
    case 'user':
      return answered(takesMs, userAnswer(request, host), leaves)
    case 'backup':
      return answered(takesMs, backupAnswer(request, host, world.now), {})
    case 'portainer':
      return says(takesMs, portainerAnswer(request))
    case 'usage':
      return says(takesMs, usageAnswer(request, host, world.now))
    case 'graduate':
      return answered(takesMs, { output: graduateAnswer(request, host) }, {})
    case 'allowance': {
      const { output, ...changed } = allowanceAnswer(request, host, world.now)
      return output.startsWith('{"error":')
        ? fails(takesMs, '', `${output}\n`)
        : says(takesMs, output, { ...leaves, ...changed })
    }
    case 'stack': {
      const update = updating(files, host, world)
      if (update.error) return { ...fails(40_000, '', update.error), leaves: update.leaves }
      const opened = files.has('input/open-later') ? {} : releaseIn(files)
      const answer = request ? userAnswer(request, host) : { output: '' }
      const said = { ...answer, output: [sayings.stack, answer.output].filter(Boolean).join('\n') }
      return answered(takesMs, said, {
        ...leaves,
        ...installed(files),
        ...opened,
        ...update.leaves,
      })
    }
    case 'open': {
      const trusted = world.scenario === 'certificate-refused' ? sayings.own : sayings.trusted
      return says(takesMs, (host.trusted && trusted) || '', { ...leaves, ...releaseIn(files) })
    }
    case 'images':
      return says(takesMs, (host.release ? sayings.images : sayings.newImages) ?? '', leaves)
    default:
      return says(takesMs, sayings[stage] ?? '', leaves)
  }
}

/** The host's record of its first set-up, including the first boot. */
function firstSetup({ userData }: Instance): NonNullable<Host['firstSetup']> {
  const stages = Object.fromEntries(
    ['system', 'docker', 'images', 'stack', 'open', 'health'].map((stage) => [
      stage,
      (times[stage] ?? 0) / 1000,
    ]),
  )
  const all = Object.values(stages).reduce((sum, one) => sum + one, 0)
  return { seconds: all + (userData === '' ? 50 : 25), stages }
}

/** What a host has once its ports are open. */
function releaseIn(files: ReadonlyMap<string, string>): Partial<Host> {
  const release = files.get('input/release')?.trim()
  return release ? { release } : {}
}

/** What the stack stage's input tells of a host. */
const installed = (files: ReadonlyMap<string, string>): Partial<Host> => ({
  idleStop: Number(/^LAB_IDLE_STOP=(\d+)$/m.exec(files.get('input/settings.env') ?? '')?.[1] ?? 0),
  idleHeld: false,
  site: /^LAB_SITE=(.*)$/m.exec(files.get('input/settings.env') ?? '')?.[1] ?? '',
  trusted: /^LAB_CERTIFICATE=trusted$/m.test(files.get('input/settings.env') ?? ''),
  models: [...(files.get('input/librechat.yaml') ?? '').matchAll(/^\s+- name: "(.*)"$/gm)].flatMap(
    ([, id]) => id ?? [],
  ),
  ...(files.has('input/librechat.yaml')
    ? { librechatYaml: files.get('input/librechat.yaml') as string }
    : {}),
  ...dollarsIn(files, 'allowance'),
  ...dollarsIn(files, 'limit'),
})

/** An allowance or a limit; undefined removes it. */
const dollarsIn = (files: ReadonlyMap<string, string>, name: 'allowance' | 'limit') => {
  const line = new RegExp(`^LAB_${name.toUpperCase()}=(.*)$`, 'm')
  const amount = line.exec(files.get('input/settings.env') ?? '')?.[1]
  return { [name]: amount === undefined ? undefined : Number(amount) }
}

function says(takesMs: number, output: string, leaves: Partial<Host> = {}): Performance {
  return { takesMs, outcome: { code: 0, output: `${output}\n`, errors: '' }, leaves }
}

function fails(takesMs: number, errors: string, output = ''): Performance {
  return { takesMs, outcome: { code: 1, output, errors }, leaves: {} }
}

/** The output and the result of a program that changes users; without users, it was refused. */
function answered(takesMs: number, { output, ...changed }: Answer, leaves: Partial<Host>): Performance {
  if (output.startsWith('{"error":')) return { ...fails(takesMs, '', `${output}\n`), leaves: changed }
  return says(takesMs, output, { ...leaves, ...changed })
}

function pullFails(): Performance {
  const error = {
    code: 'image-pull',
    what: 'These images could not be downloaded: LibreChat.',
    why: 'The registry said: i/o timeout (played)',
    fix: ['Run the command again: downloaded images are kept.'],
  }
  const log = [
    '--- the end of /var/log/librechat-lab/images.log',
    'Error response from daemon: registry: i/o timeout',
  ]
  return fails(30_000, '', `${JSON.stringify({ error })}\n${log.join('\n')}\n`)
}

/** Each requested model answers, if the account can call it. The host stores the result. */
function prove(script: string, instance: Instance, world: World): Performance {
  // Its ports may still be about to open.
  if (!instance.host.done.includes('stack'))
    return {
      ...fails(1_000, "LibreChat's container does not run"),
      outcome: { code: 3, output: '', errors: "LibreChat's container does not run" },
    }
  const text = /CHAT_PROOF=(\S+)/.exec(script)?.[1] ?? ''
  const { presets, titles } = JSON.parse(Buffer.from(text, 'base64').toString()) as {
    presets: { model: string; maxTokens: number }[]
    titles: string[]
  }
  const at = new Date(world.now).toISOString()
  const chat = presets.map(({ model }, i) => {
    const error = refusedCall(model, world.scenario)
    if (error) return { model, ok: false, error }
    const firstTokenMs = 380 + ((i * 137) % 400)
    return { model, ok: true, firstTokenMs, text: 'Hello! This answer is played.', since: at }
  })
  const title = titles.find((model) => chat.some((one) => one.ok && one.model === model))
  const profile = instance.association && world.account.profiles[instance.association.profile]
  const proof = {
    at,
    presets,
    chat,
    ...(title ? { title: { model: title, ok: true } } : {}),
    ...(profile?.role ? { role: profile.role } : {}),
  }
  return says(6_000, JSON.stringify(proof), { proof })
}
