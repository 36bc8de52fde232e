import { distinct } from '../core/distinct.js'
import { LabError, type Prose } from '../core/error.js'
import { nearest } from '../core/nearest.js'
import { isFixable, type Model } from './model.js'

export interface Choice {
  /** The callable models for the menu, in its order; may be empty. */
  chosen: Model[]
  /**
   * Models that belong in the menu and can't be called: named ones, or those that would have been picked. The caller
   * can resolve problems with the user (`arrangeAccess`), and then find and pick the models again.
   */
  blocked: Model[]
  /** The model for new conversations: the first of the menu, so that it follows from the menu's ids. */
  default: Model | undefined
  /** The model that names conversations: small and fast. */
  title: Model | undefined
}

/** Maximum number of other providers, if there is neither Claude nor Nova. */
const OTHER_PROVIDERS = 4

/**
 * The lab's menu. Without `wanted`: the newest Claude and the newest Nova of each line (Opus, Sonnet, Haiku, Pro,
 * Lite…), or the newest model of each provider if neither is available.
 * @param wanted ids, profile ids, or short names that mean one model only ("claude-sonnet-4-5", "nova-pro") @throws
 * LabError `unknown-model`, `ambiguous-model`
 */
export function pick(models: readonly Model[], wanted?: readonly string[]): Choice {
  const { chosen, blocked } = wanted?.length ? named(models, wanted) : sensible(models)
  return {
    chosen,
    blocked,
    default: chosen[0],
    title: ['haiku', 'micro', 'lite'].map((line) => firstOfLine(chosen, line)).find(Boolean) ?? chosen[0],
  }
}

/**
 * Throws if the menu would lack a named model, or be empty. @throws LabError `model-not-callable`,
 * `no-callable-model`
 */
export function requireChat(choice: Choice, region: string, wanted?: readonly string[]): void {
  const [first] = choice.blocked
  if (wanted?.length && first) {
    throw new LabError({
      code: 'model-not-callable',
      what: `${choice.blocked.map((model) => model.name).join(', ')} cannot be called.`,
      why: choice.blocked.map((model) => model.problem?.what).join(' '),
      fix: [
        ...fixesOf(choice.blocked),
        { command: { path: 'models' }, text: 'lists the models that can be called' },
      ],
    })
  }
  if (choice.chosen.length > 0) return
  throw new LabError({
    code: 'no-callable-model',
    what: `No chat model can be called from this account in ${region}, so LibreChat would have no model.`,
    why: first?.problem?.what ?? `Amazon Bedrock offers no chat model in ${region}.`,
    fix: [
      ...(first ? fixesOf(choice.blocked) : ['Choose another region: --region <region>']),
      {
        command: { keeps: true, path: 'up', flags: { 'without-chat': true } },
        text: 'sets the lab up without chat',
      },
    ],
  })
}

const fixesOf = (models: readonly Model[]): Prose[] =>
  distinct(models.flatMap(({ problem }) => (problem ? [problem.fix] : [])))

function named(models: readonly Model[], wanted: readonly string[]): Pick<Choice, 'chosen' | 'blocked'> {
  const found = unique(wanted.map((name) => find(models, name)))
  return {
    chosen: found.filter((model) => model.callable),
    blocked: found.filter((model) => !model.callable),
  }
}

function sensible(models: readonly Model[]): Pick<Choice, 'chosen' | 'blocked'> {
  const menu = menuOf(models.filter((model) => model.callable && !model.doubt))
  // Sonnet balances quality and price, so it is first and the default for new conversations.
  const begins = firstOfLine(menu, 'sonnet')
  const chosen = begins ? unique([begins, ...menu]) : menu
  // Includes models that the user can unlock: the user is asked or told before they are left out.
  const hoped = menuOf(models.filter((model) => (model.callable && !model.doubt) || isWorthSaying(model)))
  const blocked = hoped.filter((model) => !model.callable)
  if (chosen.length + blocked.length > 0) return { chosen, blocked }
  // No model at all: one stands for the account's problem.
  const typical = models.find(({ problem }) => problem && !ownProblems.includes(problem.reason)) ?? models[0]
  return { chosen, blocked: typical ? [typical] : [] }
}

/** Problems that the user's consent resolves, and those that the account's owner resolves elsewhere. */
const isWorthSaying = (model: Model): boolean =>
  isFixable(model) || model.problem?.reason === 'needs-payment' || model.problem?.reason === 'licence-failed'

const ownProblems: readonly string[] = ['legacy', 'needs-retention', 'needs-profile']

function menuOf(models: readonly Model[]): Model[] {
  const familiar = firstOfEach(
    models
      .filter((model) => /^(Claude|Nova)\b/i.test(model.name))
      .sort(
        (a, b) =>
          Number(b.provider === 'Anthropic') - Number(a.provider === 'Anthropic') ||
          versionOf(b) - versionOf(a),
      ),
    (model) => `${model.provider} ${lineOf(model)}`,
  )
  return familiar.length > 0
    ? familiar
    : firstOfEach(models, (model) => model.provider).slice(0, OTHER_PROVIDERS)
}

function firstOfEach(models: readonly Model[], keyOf: (model: Model) => string): Model[] {
  const seen = new Set<string>()
  return models.filter((model) => {
    const isFirst = !seen.has(keyOf(model))
    seen.add(keyOf(model))
    return isFirst
  })
}

/** The 4.5 of "Claude Sonnet 4.5"; 1 for "Nova Pro". More reliable than the release date, which AWS may leave out. */
const versionOf = (model: Model): number => Number(/\d+(\.\d+)?/.exec(model.name)?.[0] ?? 1)

/** "Claude Sonnet 4.5" and "Claude 3.7 Sonnet" are of the line "sonnet". */
const lineOf = (model: Model): string =>
  model.name
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => /^[a-z]+$/.test(word) && word !== 'claude' && word !== 'nova')
    .join(' ')

const firstOfLine = (models: readonly Model[], line: string): Model | undefined =>
  models.find((model) => lineOf(model) === line)

function find(models: readonly Model[], wanted: string): Model {
  for (const model of models) {
    const route = model.routes.find(({ id }) => id === wanted)
    if (route) return { ...without(model), ...route }
    if (model.modelId === wanted) return model
  }
  const name = simple(wanted)
  const exact = models.filter((model) => [model.name, shortId(model)].some((own) => simple(own) === name))
  const matches = exact.length > 0 ? exact : models.filter((model) => hasWords(shortId(model), name))
  const [match, ...more] = matches
  if (match && more.length === 0 && name) return match
  throw match && name ? ambiguous(wanted, matches) : unknown(wanted, models)
}

/** The model's id without its route. */
function without(model: Model): Omit<Model, 'profile'> {
  const { profile: _, ...rest } = model
  return rest
}

/** `anthropic.claude-sonnet-4-5-20250929-v1:0` is `claude-sonnet-4-5` to a user. */
const shortId = (model: Model): string =>
  model.modelId.replace(/^[^.]+\./, '').replace(/(-20\d{6})?(-v\d+)?(:\d+)?$/, '')

/** Whether whole words of an id, one after another, spell the name: "opus" and "sonnet-5", but not "ab" of "fable". */
function hasWords(id: string, name: string): boolean {
  const words = id.split(/[^a-z0-9]+/)
  return words.some((_, from) => words.some((_, to) => words.slice(from, to + 1).join('') === name))
}

const simple = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '')

function ambiguous(wanted: string, matches: readonly Model[]): LabError {
  return new LabError({
    code: 'ambiguous-model',
    what: `${quote(wanted)} can mean ${matches.length} models.`,
    why: matches.map((model) => `${model.name} (${model.id})`).join(', '),
    fix: ['Use a full id.'],
  })
}

function unknown(wanted: string, models: readonly Model[]): LabError {
  const near = nearest(wanted, models, (model) => [model.id, model.name, shortId(model)]).map(({ id }) => id)
  return new LabError({
    code: 'unknown-model',
    what: `There is no chat model ${quote(wanted)} in this region.`,
    ...(near.length > 0 && { why: `Did you mean ${near.join(', ')}?` }),
    fix: [{ command: { path: 'models' }, text: 'lists the models' }],
  })
}

/** External text is shortened and cleaned of control characters. */
const quote = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 79)}…` : text)

const unique = (models: Model[]): Model[] => [...new Map(models.map((model) => [model.id, model])).values()]
