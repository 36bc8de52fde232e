import type { CommandLine } from '../core/error.js'
import { camel } from '../core/options.js'
import { type Choices, flagOfChoice } from '../lab/choices.js'
import { isPlain, plainSetting, textOf } from '../lab/plain-settings.js'
import { judged, type Said, type Start, stepsOf } from './questions.js'

/** The questions of the first run, each with a default. Every answer can be changed before the plan. */
export async function converse(start: Start): Promise<Said> {
  const steps = stepsOf(start)
  const { ui } = start.context
  let said: Said = { choices: start.choices, chat: start.chat }
  const open = steps.filter((step) => !step.said(said))
  if (open.length > 0) {
    const count = open.length === 1 ? 'One question' : `${open.length} questions`
    ui.emit({
      type: 'note',
      text: `\n${count} about the new lab. Press Enter to accept the default. You can change every answer before anything is created.`,
    })
  }
  for (const step of open) said = await step.ask(said)
  const width = Math.max(...steps.map(({ about }) => about.length))
  for (;;) {
    const next = await ui.select<string>({
      flag: '--yes',
      message: 'Continue with these answers?',
      hint: 'Choose a line to change its answer. Nothing has been created yet; the plan comes next.',
      choices: [
        { value: 'go', name: 'Yes, show the plan' },
        ...steps.map((step, i) => ({
          value: String(i),
          name: `Change ${step.about.padEnd(width)}  ${step.shows(said)}`,
          short: `Change ${step.about}`,
        })),
      ],
      default: 'go',
    })
    if (next !== 'go') said = (await steps[Number(next)]?.ask(said)) ?? said
    else {
      const refused = judged(() => start.check(said))
      if (refused === true) break
      ui.emit({ type: 'warning', text: refused })
    }
  }
  start.context.settled(optionsOf(said, start))
  const { scenario } = start.options
  const flags = { yes: true, region: start.open.lab.region, ...(scenario ? { scenario } : {}) } as const
  const same: CommandLine = { path: 'up', keeps: true, overLines: true, flags }
  ui.emit({ type: 'note', text: ['\nThe same without questions:\n  ', same] })
  return said
}

/** The answers as the options that give them. An answer that is the default needs none. */
function optionsOf({ choices, chat }: Said, given: Start): Record<string, unknown> {
  const keys = Object.keys(flagOfChoice) as (keyof Choices)[]
  const answered = keys.filter((key) => choices[key] !== given.choices[key])
  const models = chat.models.map(({ id }) => id).join(',')
  const isAnswered = models !== given.chat.models.map(({ id }) => id).join(',')
  return Object.assign(isAnswered ? { models } : {}, ...answered.map((key) => optionOf(key, choices)))
}

function optionOf(key: keyof Choices, { allow, ...choices }: Choices): object {
  if (key === 'allow') {
    const { cidrs, everyone } = typeof allow === 'object' ? allow : {}
    return { allowCidr: cidrs, allowEveryone: everyone || undefined }
  }
  const answer = choices[key]
  const isDefault = !answer || (isPlain(key) && answer === plainSetting(key).default)
  const word = isPlain(key) ? textOf(key, answer) : String(answer)
  const typed = answer === true || Array.isArray(answer) ? answer : word
  return { [camel(flagOfChoice[key])]: isDefault ? undefined : typed }
}
