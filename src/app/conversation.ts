import type { CommandLine } from '../core/error.js'
import { defaults } from '../lab/choices.js'
import type { Chat } from './chat-choice.js'
import { type Said, type Start, stepsOf } from './questions.js'

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
    if (next === 'go') break
    said = (await steps[Number(next)]?.ask(said)) ?? said
  }
  ui.emit({ type: 'note', text: ['\nThe same without questions:\n  ', commandLine(said, start)] })
  return said
}

/** Only what differs from the defaults. */
function commandLine({ choices, chat }: Said, { open, options, chat: offered }: Start): CommandLine {
  const { email, allow, instanceType, diskGb, allowance } = choices
  const { lab } = open
  const { scenario, rehearse, profile } = options
  const ids = (models: Chat['models']) => models.map(({ id }) => id).join(',')
  const isChosen = chat.models.length > 0 && ids(chat.models) !== ids(offered.models)
  return {
    path: 'up',
    overLines: true,
    flags: {
      yes: true,
      region: lab.region,
      ...(lab.name === 'default' ? {} : { name: lab.name }),
      ...(scenario ? { scenario } : rehearse ? { rehearse } : {}),
      ...(profile ? { profile } : {}),
      ...(email ? { email } : {}),
      ...(instanceType && instanceType !== defaults.instanceType ? { 'instance-type': instanceType } : {}),
      ...(diskGb && diskGb !== defaults.diskGb ? { disk: String(diskGb) } : {}),
      ...(allowance ? { allowance: String(allowance) } : {}),
      ...(typeof allow === 'object' ? { 'allow-cidr': allow.cidrs } : {}),
      ...(typeof allow === 'object' && allow.everyone ? { 'allow-everyone': true } : {}),
      ...(chat.models.length === 0 ? { 'without-chat': true } : {}),
      ...(isChosen ? { models: ids(chat.models) } : {}),
    },
  }
}
