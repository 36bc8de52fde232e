import { defineCommand, type Only } from '../app/define-command.js'
import type { UpOptions } from '../app/up-options.js'
import { facts } from '../lab/facts.js'

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
    email: { kind: 'word', value: '<address>', text: 'LibreChat’s first user, who is its admin' },
    'ask-password': {
      kind: 'flag',
      text: 'type the first user’s password; otherwise the host generates one',
    },
    'password-stdin': {
      kind: 'flag',
      text: 'read the first user’s password from standard input',
    },
    'instance-type': {
      kind: 'word',
      value: '<type>',
      text: `default ${facts.instanceType.default}; needs at least ${facts.instanceType.leastMemoryGib} GiB of memory`,
    },
    disk: {
      kind: 'word',
      value: '<GB>',
      text: `default ${facts.diskGb.default}, at least ${facts.diskGb.least}; can only grow`,
    },
    'allow-cidr': {
      kind: 'words',
      value: '<range...>',
      text: 'who can reach the lab; default: only your public address (detect)',
    },
    'allow-everyone': { kind: 'flag', text: 'required for ranges that together are wider than a /16' },
    models: {
      kind: 'word',
      value: '<ids>',
      text: 'the models in the menu, comma-separated, or default; see: librechat-lab models',
    },
    'without-chat': { kind: 'flag', text: 'continue although no model can be called' },
    'accept-licences': { kind: 'flag', text: 'accept the models’ licences and their prices' },
    'use-case-file': { kind: 'word', value: '<file>', text: 'the answers to Anthropic’s form, as JSON' },
    domain: {
      kind: 'word',
      value: '<host>',
      text: 'your own domain that points to the lab, for a trusted certificate',
      off: 'use the lab’s own certificate again',
    },
    'trusted-certificate': {
      kind: 'toggle',
      text: 'get a publicly trusted certificate without a domain; opens port 80 to everyone',
      off: 'use the lab’s own certificate again, and close port 80',
    },
    'open-port-80': {
      kind: 'toggle',
      text: 'open port 80 to everyone; required to obtain a trusted certificate',
      off: 'close port 80 again',
    },
    'subnet-id': {
      kind: 'word',
      value: '<id>',
      text: 'a public subnet; default: one of the default VPC’s',
    },
    'max-tokens': {
      kind: 'word',
      value: '<n>',
      text: 'maximum tokens of one answer, thinking included (default: 8192)',
    },
    allowance: {
      kind: 'word',
      value: '<dollars>',
      text: 'what each user may spend on models in a calendar month',
      off: 'let users spend as much as they like',
    },
    limit: {
      kind: 'word',
      value: '<dollars>',
      text: 'what all users may spend on models in a calendar month; then new messages stop',
      off: 'remove the limit',
    },
    budget: {
      kind: 'word',
      value: '<dollars>',
      text: 'an AWS budget for the whole account: AWS sends notices, hours late',
      off: 'delete the budget',
    },
    alert: {
      kind: 'words',
      value: '<address...>',
      text: 'who gets the budget’s notices; default: the first user',
    },
    'create-default-vpc': { kind: 'flag', text: 'create the default VPC if it is missing; destroy keeps it' },
    tag: {
      kind: 'words',
      value: '<key=value...>',
      text: 'tags that your organization requires, on each resource that is created',
    },
    'permissions-boundary': {
      kind: 'word',
      value: '<arn>',
      text: 'for accounts that require one on every role',
      off: 'remove the role’s permissions boundary',
    },
    'user-data': {
      kind: 'toggle',
      text: 'install Docker and download the images at first boot (default)',
      off: 'don’t install anything at first boot',
    },
    'idle-stop': {
      kind: 'word',
      value: '<time>',
      text: 'stop the instance after this long without use, such as 2h',
      off: 'don’t stop the instance when nobody uses it',
    },
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
  async run(options, context): Promise<number> {
    const { up } = await import('../app/up/up.js')
    const { upView } = await import('../ui/up-view.js')
    return await up(options satisfies Only<UpOptions, typeof options>, context, upView(context.ui))
  },
})
