import { describe, expect, it } from 'vitest'
import type { GlobalOptions } from '../../src/app/context.js'
import { converse } from '../../src/app/conversation.js'
import type { OptionSpec } from '../../src/app/define-command.js'
import type { Start } from '../../src/app/questions.js'
import type { UpOptions } from '../../src/app/up-options.js'
import { renderHint } from '../../src/cli/render-hint.js'
import { up } from '../../src/commands/up.js'
import { type CommandLine, LabError } from '../../src/core/error.js'
import { camel } from '../../src/core/options.js'
import { checkedChoices } from '../../src/lab/choices.js'
import { plainSpaces } from '../../src/ui/style.js'

const sonnet = { id: 'sonnet', label: 'Sonnet' }
const model = (id: string) => ({ id, name: id, provider: 'A', callable: true, routes: [{ id }] })

interface Talk {
  /** The lines of the last menu. */
  menu: string[]
  warnings: string[]
  /** The command line that is printed at the end. */
  printed: string
}

/** A conversation in which each question about a thing gets its answer, and every other one its default. */
async function talk(
  options: UpOptions,
  answers: Readonly<Record<string, string | string[]>> = {},
  { changes = [] as string[], check = (() => {}) as Start['check'], partition = 'aws' } = {},
): Promise<Talk> {
  const to = (flag: string) => answers[/^--([\w-]+)/.exec(flag)?.[1] ?? '']
  const said: Talk = { menu: [], warnings: [], printed: '' }
  const rest = [...changes]
  let settled = options
  const { hint } = renderHint({}, () => settled as GlobalOptions, true, { name: 'up', args: [] })
  const ui = {
    input: async (asked: { flag: string; default?: string }) => to(asked.flag) ?? asked.default ?? '',
    checkbox: async (asked: { flag: string }) => to(asked.flag) ?? ['sonnet'],
    select: async (asked: { flag: string; default: string; choices: { value: string; name: string }[] }) => {
      if (asked.flag !== '--yes') return to(asked.flag) ?? asked.default
      said.menu = asked.choices.map(({ name }) => name)
      const next = rest.shift()
      return asked.choices.find(({ name }) => next && name.includes(next))?.value ?? 'go'
    },
    emit: (event: { type: string; text: string | (string | CommandLine)[] }) => {
      if (event.type === 'warning') said.warnings.push(String(event.text))
      else if (Array.isArray(event.text))
        said.printed = plainSpaces(hint(event.text)).replaceAll(' \\\n    ', ' ')
    },
  }
  await converse({
    choices: checkedChoices(options),
    chat: {
      available: [model('sonnet'), model('nova')],
      leftOut: [],
      models: [sonnet],
      profileArns: [],
    },
    detected: '192.0.2.1/32',
    options,
    open: { lab: { name: 'default', region: 'us-east-1', account: '123456789012', partition } },
    context: {
      ui,
      settled: (more: object) => {
        settled = { ...settled, ...more }
      },
    },
    check,
  } as unknown as Start)
  return said
}

/** A valid value of each option that takes one, with what it needs beside it. */
const words: Readonly<Record<string, [value: string | string[], beside?: UpOptions]>> = {
  email: ['me@example.org'],
  'instance-type': ['t3.large'],
  disk: ['40'],
  'allow-cidr': [['8.8.8.8', '9.9.9.9']],
  domain: ['chat.example.org'],
  'subnet-id': ['subnet-0123456789abcdef0'],
  'max-tokens': ['5000'],
  allowance: ['10'],
  limit: ['30'],
  budget: ['20'],
  alert: [['a@example.org', 'b@example.org'], { budget: '20' }],
  tag: [['Owner=me']],
  'permissions-boundary': ['arn:aws:iam::123456789012:policy/limit'],
  'idle-stop': ['2h'],
  models: ['sonnet'],
  'use-case-file': ['form.json'],
  'replace-instance': ['i-1'],
}
const beside: Readonly<Record<string, UpOptions>> = {
  'allow-everyone': { allowCidr: ['0.0.0.0/0'] },
}
/** With these there is no conversation; `--yes` is in the line anyway. */
const silent = ['yes', 'dry-run']

describe('the same without questions', () => {
  const forms = Object.entries(up.options as Record<string, OptionSpec>).flatMap(([name, spec]) =>
    silent.includes(name) ? [] : [{ name, on: true }, ...('off' in spec ? [{ name, on: false }] : [])],
  )

  it.each(forms)('keeps --$name that is given (on: $on)', async ({ name, on }) => {
    const [value, needs] = words[name] ?? [true]
    const options = { ...beside[name], ...needs, [camel(name)]: on && value }
    const { printed } = await talk(options)
    const typed = on ? [`--${name}`, ...(value === true ? [] : [value].flat())] : [`--no-${name}`]
    expect(`${printed} `).toContain(` ${typed.join(' ')} `)
  })

  it('has every answer', async () => {
    const answers = {
      email: 'me@example.org',
      'instance-type': 't3.large',
      disk: '40',
      'allow-cidr': '8.8.8.8 9.9.9.9',
      'trusted-certificate': 'trusted',
      models: ['sonnet', 'nova'],
      allowance: '10',
      budget: '20',
      alert: 'a@example.org b@example.org',
    }
    const { printed } = await talk({}, answers)
    for (const part of [
      '--yes',
      '--region us-east-1',
      '--email me@example.org',
      '--instance-type t3.large',
      '--disk 40',
      '--allow-cidr 8.8.8.8/32 9.9.9.9/32',
      '--trusted-certificate',
      '--models sonnet,nova',
      '--allowance 10',
      '--budget 20',
      '--alert a@example.org b@example.org',
    ])
      expect(`${printed} `).toContain(` ${part} `)
  })

  it('has an answer in the place of what was given, and nothing for a default', async () => {
    const given = {
      email: 'me@example.org',
      instanceType: 't3.large',
      disk: '40',
      allowCidr: ['0.0.0.0/0'],
      allowEveryone: true,
      allowance: false,
      budget: '20',
      alert: ['a@example.org'],
    } as const
    const answers = {
      email: 'none',
      'instance-type': 't3.medium',
      disk: '30',
      'allow-cidr': '192.0.2.1/32',
      allowance: '10',
      budget: 'none',
    }
    const changes = ['first user', 'instance', 'disk', 'reach', 'allowance', 'budget']
    const { printed } = await talk(
      { ...given, allowCidr: [...given.allowCidr], alert: [...given.alert] },
      answers,
      {
        changes,
      },
    )
    const line = /librechat-lab .*/s.exec(printed)?.[0]
    expect(line).toBe('librechat-lab up --allowance 10 --yes --region us-east-1')
  })
})

describe('the menu of answers', () => {
  it.each([
    ['the certificate', 'of a lab with a domain', { domain: 'chat.example.org', openPort80: true }, {}],
    ['the certificate', 'where port 80 stays closed', { openPort80: false }, {}],
    ['the AWS budget', 'where AWS has none', {}, { partition: 'aws-us-gov' }],
  ])('does not offer %s %s', async (about, _, options, how) => {
    expect((await talk(options, {}, how)).menu.join('\n')).not.toContain(about)
    expect((await talk({})).menu.join('\n')).toContain(about)
  })

  it('says why answers would be refused, and keeps them all', async () => {
    const check: Start['check'] = ({ choices }) => {
      if (choices.diskGb === 40) throw new LabError({ code: 'x', what: 'Not this.', why: 'It is 40.' })
    }
    const answers = { disk: '40', email: 'me@example.org' }
    const changed = { ...answers }
    const talked = talk({}, changed, {
      // The first is no line of the menu: it goes on.
      changes: ['-', 'disk'],
      check: (said) => {
        changed.disk = '50'
        check(said)
      },
    })
    expect(await talked).toMatchObject({
      warnings: ['Not this. It is 40.'],
      printed: expect.stringContaining('--email me@example.org'),
    })
    expect((await talked).printed).toContain('--disk 50')
  })
})
