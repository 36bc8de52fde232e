import type { OptionSpecs } from '../core/options.js'
import { facts } from './facts.js'

const { instanceType, diskGb, maxTokens } = facts

/**
 * The flags of `up` that choose settings, in the order of its help. They are data alone: they are read at every start,
 * and the types of hints are made from them.
 */
export const settingFlags = {
  email: { kind: 'word', value: '<address>', text: 'LibreChat’s first user, who is its admin' },
  'instance-type': {
    kind: 'word',
    value: '<type>',
    text: `default ${instanceType.default}; needs at least ${instanceType.leastMemoryGib} GiB of memory`,
  },
  disk: {
    kind: 'word',
    value: '<GB>',
    text: `default ${diskGb.default}, at least ${diskGb.least}; can only grow`,
  },
  'allow-cidr': {
    kind: 'words',
    value: '<range...>',
    text: 'who can reach the lab; default: only your public address (detect)',
  },
  'allow-everyone': { kind: 'flag', text: 'required for ranges that together are wider than a /16' },
  domain: {
    kind: 'word',
    value: '<host>',
    text: 'your own domain that points to the lab, for a trusted certificate',
    off: 'use the lab’s own certificate again, and close port 80',
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
  'subnet-id': { kind: 'word', value: '<id>', text: 'a public subnet; default: one of the default VPC’s' },
  'max-tokens': {
    kind: 'word',
    value: '<n>',
    text: `maximum tokens of one answer, thinking included (default: ${maxTokens.default})`,
    off: 'use the default maximum again',
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
} as const satisfies OptionSpecs
