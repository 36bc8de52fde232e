import { defineCommand, type Only } from '../app/define-command.js'
import type { UpOptions } from '../app/up-options.js'
import { settingFlags } from '../lab/setting-flags.js'

export const up = defineCommand({
  name: 'up',
  summary: 'Create, repair or update the lab',
  examples: [
    ['up', 'asks a few questions, then shows the plan and the cost'],
    ['up --rehearse', 'the same on an account in memory, at no cost'],
    ['up --yes --email me@example.org', 'asks nothing; creates the first user'],
    ['up --dry-run', 'shows the plan only'],
  ],
  options: {
    yes: { kind: 'flag', short: 'y', text: 'skip prompts (except destructive ones)' },
    'dry-run': { kind: 'flag', text: 'show the plan and change nothing' },
    ...settingFlags,
    'ask-password': {
      kind: 'flag',
      text: 'type the first user’s password; otherwise the host generates one',
    },
    'password-stdin': {
      kind: 'flag',
      text: 'read the first user’s password from standard input',
    },
    models: {
      kind: 'word',
      value: '<ids>',
      text: 'the models in the menu, comma-separated, or default; see: librechat-lab models',
    },
    'without-chat': { kind: 'flag', text: 'continue although no model can be called' },
    'accept-licences': { kind: 'flag', text: 'accept the models’ licences and their prices' },
    'use-case-file': { kind: 'word', value: '<file>', text: 'the answers to Anthropic’s form, as JSON' },
    'create-default-vpc': { kind: 'flag', text: 'create the default VPC if it is missing; destroy keeps it' },
    adopt: { kind: 'flag', text: 'adopt untagged resources that have the lab’s names' },
    'replace-instance': {
      kind: 'word',
      value: '<id>',
      text: 'create a new instance, move the data there, and terminate this one',
    },
    'discard-data': {
      kind: 'flag',
      text: 'with --replace-instance: delete the data instead of moving it',
    },
  },
  exits: { 2: 'partly done; run it again to finish' },
  callsAws: true,
  changes: true,
  async run(options, context): Promise<number> {
    const { up } = await import('../app/up/up.js')
    const { upView } = await import('../ui/up-view.js')
    return await up(options satisfies Only<UpOptions, typeof options>, context, upView(context.ui))
  },
})
