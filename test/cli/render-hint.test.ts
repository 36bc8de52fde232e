import { expect, it } from 'vitest'
import type { GlobalOptions } from '../../src/app/context.js'
import { type HintRenderer, renderHint } from '../../src/cli/render-hint.js'
import type { CommandLine, Hint } from '../../src/core/error.js'
import { plainSpaces } from '../../src/ui/style.js'

/** A hint as the user sees it. */
const typed = (hint: Parameters<HintRenderer['hint']>[0], options = {}, env = {}) =>
  plainSpaces(renderHint(env, () => options).hint(hint))

it('leaves a command alone where nothing has to be added', () => {
  expect(typed({ command: { path: 'up' }, text: 'repairs it' })).toBe('librechat-lab up   repairs it')
})

it('repeats the options that select the lab, whatever follows the command', () => {
  const options = { name: 'team-a', region: 'eu-west-1', profile: 'my own', rehearse: true }
  expect(typed([{ path: 'destroy', flags: { confirm: 'team-a' } }], options)).toBe(
    "librechat-lab destroy --name team-a --profile 'my own' --region eu-west-1 --rehearse --confirm team-a",
  )
})

it('says nothing twice', () => {
  const options = { name: 'team-a', region: 'us-east-1' }
  const up = { path: 'up', flags: { name: 'my-lab' } } as const
  const list = { path: 'list', flags: { region: 'eu-west-1' } } as const
  expect(typed([up, ', or ', list], options)).toBe(
    'librechat-lab up --region us-east-1 --name my-lab, or librechat-lab list --region eu-west-1',
  )
})

it('adds only what a command takes', () => {
  const options = { name: 'team-a', region: 'us-east-1' }
  expect(typed([{ path: 'policy' }], options)).toBe('librechat-lab policy')
  expect(typed([{ path: 'list' }], options)).toBe('librechat-lab list --region us-east-1')
  expect(typed([{ path: 'user reset-password', args: ['a@b.c'] }], options)).toBe(
    'librechat-lab user reset-password --name team-a --region us-east-1 a@b.c',
  )
})

it('breaks no line within a command', () => {
  const held = renderHint({}, () => ({ rehearse: true })).hint([
    'To enlarge it: ',
    { path: 'up', flags: { disk: '<GB>' } },
    '. To add a user: ',
    { path: 'user add', args: ['<email>'] },
  ])
  expect(held.replaceAll('\u00a0', '_')).toBe(
    'To enlarge it: librechat-lab_up_--rehearse_--disk_<GB>. To add a user: librechat-lab_user_add_--rehearse_<email>',
  )
})

it('writes a hint from its data', () => {
  const { hint } = renderHint({ npm_command: 'exec' }, () => ({ name: 'team-a', rehearse: true }))
  const shown = (one: Parameters<typeof hint>[0]) => plainSpaces(hint(one))
  expect(
    shown({ command: { path: 'up', flags: { 'allow-cidr': ['detect'], yes: true } }, text: 'lets you in' }),
  ).toBe('npx librechat-lab up --name team-a --rehearse --allow-cidr detect --yes   lets you in')
  expect(shown({ command: { path: 'user add', args: ["o'hara@example.org"] } })).toBe(
    "npx librechat-lab user add --name team-a --rehearse 'o'\\''hara@example.org'",
  )
  expect(shown({ command: { path: 'up', flags: { scenario: 'throttling' } } })).toBe(
    'npx librechat-lab up --name team-a --scenario throttling',
  )
  expect(shown({ run: 'aws sso login', text: 'signs in' })).toBe('aws sso login   signs in')
})

it('writes the commands within a text, and leaves what only looks like one', () => {
  const { hint } = renderHint({ npm_command: 'exec' }, () => ({ name: 'team-a' }))
  expect(plainSpaces(hint(['Look at its health: ', { path: 'status' }, '. See librechat-lab up.']))).toBe(
    'Look at its health: npx librechat-lab status --name team-a. See librechat-lab up.',
  )
})

it('writes a long command line over several lines, and a short one on one', () => {
  const { hint } = renderHint({}, () => ({ rehearse: true }))
  const shown = (flags: Record<string, unknown>) =>
    plainSpaces(hint({ command: { path: 'up', overLines: true, flags: { yes: true, ...flags } } }))
  expect(shown({ disk: '40' })).toBe('librechat-lab up --rehearse --yes --disk 40')
  expect(
    shown({ region: 'eu-west-1', 'instance-type': 't4g.large', 'allow-cidr': ['192.0.2.1/32', '::/0'] }),
  ).toBe(
    'librechat-lab up --rehearse --yes \\\n    --region eu-west-1 \\\n    --instance-type t4g.large \\\n    --allow-cidr 192.0.2.1/32 ::/0',
  )
})

it('gives commands of the AWS CLI the same profile and region, where they take them', () => {
  const options = { region: 'eu-west-1', profile: 'work' }
  const aws = (run: string) => plainSpaces(renderHint({}, () => options).hint({ run }))
  expect(aws('aws ssm delete-parameter --name /x')).toBe(
    'aws ssm delete-parameter --name /x --region eu-west-1 --profile work',
  )
  expect(aws('aws ec2 describe-subnets --region us-east-1')).toBe(
    'aws ec2 describe-subnets --region us-east-1 --profile work',
  )
  expect(aws('aws sso login --profile other')).toBe('aws sso login --profile other')
  expect(aws('aws iam get-role --role-name x')).toBe('aws iam get-role --role-name x --profile work')
  expect(aws('aws configure set region us-east-1')).toBe('aws configure set region us-east-1')
  expect(aws('curl -4 https://checkip.amazonaws.com')).toBe('curl -4 https://checkip.amazonaws.com')
})

it('repeats a consent for no other command than the one that it was given for', () => {
  const shown = (hint: Hint, given: object, canAsk: boolean) =>
    plainSpaces(renderHint({}, () => given, canAsk).hint(hint))
  const up: Hint = { command: { path: 'up', flags: { 'replace-instance': 'i-1', 'discard-data': true } } }
  for (const canAsk of [true, false])
    expect(shown(up, { yes: true, confirm: 'default' }, canAsk)).toBe(
      'librechat-lab up --replace-instance i-1 --discard-data',
    )
  expect(shown({ command: { path: 'destroy' } }, { confirm: 'default' }, false)).toBe('librechat-lab destroy')
  const said: Hint = { command: { path: 'up', flags: { yes: true, disk: '40' } } }
  expect(shown(said, { yes: true }, false)).toBe('librechat-lab up --yes --disk 40')
})

it('keeps what the user gave where the same command is to be typed again', () => {
  const given = { rehearse: true, passphraseFile: 'my pass.txt', confirm: 'wrong', yes: true }
  const running = { name: 'restore', args: ['lab.backup'] }
  const hint = (command: CommandLine, canAsk: boolean) =>
    plainSpaces(renderHint({}, () => given as GlobalOptions, canAsk, running).hint({ command }))
  const again = { keeps: true, path: 'restore' } as const
  expect(hint({ ...again, flags: { confirm: 'default' } }, false)).toBe(
    "librechat-lab restore --rehearse lab.backup --confirm default --passphrase-file 'my pass.txt'",
  )
  // Who can be asked consents to what is shown next.
  expect(hint(again, true)).toBe(
    "librechat-lab restore --rehearse lab.backup --passphrase-file 'my pass.txt'",
  )
  expect(hint({ ...again, args: [], flags: { 'passphrase-file': undefined } }, true)).toBe(
    'librechat-lab restore --rehearse',
  )
  // Another command may share their names, and means something else by them.
  expect(hint({ keeps: true, path: 'up', flags: { adopt: true } }, false)).toBe(
    'librechat-lab up --rehearse --adopt',
  )
})
