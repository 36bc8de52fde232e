import { expect, it } from 'vitest'
import { renderHint } from '../../src/cli/render-hint.js'
import { plainSpaces } from '../../src/ui/style.js'

/** What a program on the host wrote, as the user sees it. */
const typed = (fromHost: string, options = {}, env = {}) =>
  plainSpaces(renderHint(env, () => options).hint({ fromHost }))

it('leaves a command alone where nothing has to be added', () => {
  expect(typed('librechat-lab up   repairs it')).toBe('librechat-lab up   repairs it')
})

it('repeats what says which lab is meant, whatever stands behind the command', () => {
  const options = { name: 'team-a', region: 'eu-west-1', profile: 'my own', rehearse: true }
  expect(typed('librechat-lab destroy --confirm team-a', options)).toBe(
    "librechat-lab destroy --name team-a --profile 'my own' --region eu-west-1 --rehearse --confirm team-a",
  )
})

it('says nothing twice', () => {
  const options = { name: 'team-a', region: 'us-east-1' }
  expect(typed('librechat-lab up --name my-lab', options)).toBe(
    'librechat-lab up --region us-east-1 --name my-lab',
  )
  expect(typed('librechat-lab up, or librechat-lab list --region eu-west-1', options)).toBe(
    'librechat-lab up --name team-a --region us-east-1, or librechat-lab list --region eu-west-1',
  )
})

it('adds only what a command takes', () => {
  const options = { name: 'team-a', region: 'us-east-1' }
  expect(typed('librechat-lab policy', options)).toBe('librechat-lab policy')
  expect(typed('librechat-lab list', options)).toBe('librechat-lab list --region us-east-1')
  expect(typed('librechat-lab user reset-password a@b.c', options)).toBe(
    'librechat-lab user reset-password --name team-a --region us-east-1 a@b.c',
  )
})

it('goes through npx where the program came from there', () => {
  expect(typed('librechat-lab status; npx librechat-lab up', {}, { npm_command: 'exec' })).toBe(
    'npx librechat-lab status; npx librechat-lab up',
  )
})

it('takes for a part of a command what its definition says, and leaves the prose behind it', () => {
  const held = renderHint({}, () => ({ rehearse: true })).hint({
    fromHost:
      'librechat-lab status --chat asks again. librechat-lab up --disk 40 makes it larger, librechat-lab user add <email>.',
  })
  expect(held.replaceAll('\u00a0', '_')).toBe(
    'librechat-lab_status_--rehearse_--chat asks again. librechat-lab_up_--rehearse_--disk_40 makes it larger, librechat-lab_user_add_--rehearse_<email>.',
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
