import { arrangeAccess, type Consent } from '../bedrock/access.js'
import { type LeftOut, leftOutOf, leftOutText } from '../bedrock/left-out.js'
import type { Model } from '../bedrock/model.js'
import { type Choice, pick, requireChat } from '../bedrock/pick.js'
import { profileArnsOf } from '../bedrock/policy.js'
import { parseUseCase, type UseCase } from '../bedrock/use-case.js'
import { LabError } from '../core/error.js'
import type { ChatChoice } from '../lab/choices.js'
import type { Context } from './context.js'
import { readGiven, UnusableFile } from './given-file.js'
import type { OpenLab } from './open-lab.js'
import { regionModels } from './region-models.js'
import type { UpOptions } from './up-options.js'
import { askUseCase } from './use-case-form.js'

/** The available models, and those that the lab's menu will have. */
export interface Chat extends ChatChoice {
  /** Empty with `--without-chat`. */
  available: readonly Model[]
  /** Models that belong in the menu and need a step by the user. */
  leftOut: readonly LeftOut[]
}

/**
 * The models in the menu: the named ones, or the stored ones that can still be called, or the default. Requests
 * access if the user agrees. LabErrors such as `no-callable-model` are thrown before anything is created.
 */
export async function chatChoice(open: OpenLab, options: UpOptions, context: Context): Promise<Chat> {
  const { stored, clients, lab } = open
  const wanted = namedModels(options.models)
  const form = options.useCaseFile === undefined ? undefined : await readUseCase(options.useCaseFile, context)
  const leaveOut = options.withoutChat ?? (stored?.models.length === 0 && options.models === undefined)
  if (leaveOut) return { available: [], leftOut: [], models: [], profileArns: [] }

  let available = await regionModels(clients, context)
  const choose = (): Choice => {
    if (wanted) return pick(available, wanted)
    const offered = pick(available)
    // A user who requests access wants the new models too.
    const opens = options.acceptLicences || options.useCaseFile !== undefined
    if (opens || options.models !== undefined) return offered
    const known = stored?.models.map(({ id }) => id).filter((id) => isKnown(available, id))
    // An unchanged default menu gets the models that a new lab would get.
    return isMenu(offered.chosen, known) ? offered : pick(available, known)
  }
  let choice = choose()
  if (choice.blocked.length > 0 && !options.dryRun && mayArrange(options, context)) {
    const consent = consentOf(options, form, context)
    const { clock, signal, ui } = context
    const arranged = await arrangeAccess(clients.bedrock, choice.blocked, {
      clock,
      signal,
      home: clients.bedrockHome,
      emit: ui.emit,
      consent,
    })
    if (arranged.length > 0) {
      available = await regionModels(clients, context)
      choice = choose()
    }
  }
  requireChat(choice, lab.region, wanted)
  if (!wanted && stored) warnOfGone(stored.models, choice.chosen, available, context)
  const leftOut = leftOutOf(choice.blocked)
  for (const one of leftOut) context.ui.emit({ type: 'warning', text: leftOutText(one) })
  return { available, leftOut, ...menuOf(choice) }
}

/** The part of the settings that a choice of models makes. */
export const menuOf = (choice: Pick<Choice, 'chosen' | 'default' | 'title'>): ChatChoice => ({
  models: choice.chosen.map(({ id, name }) => ({ id, label: name })),
  profileArns: profileArnsOf(choice.chosen),
  defaultModel: choice.default?.id,
  titleModel: choice.title?.id,
})

/** The models that a user named; undefined for the default menu: no flag, or the word `default`. */
export function namedModels(text: string | undefined): string[] | undefined {
  const ids = text
    ?.split(',')
    .map((model) => model.trim())
    .filter(Boolean)
  return ids?.join() === 'default' ? undefined : ids
}

const isMenu = (models: readonly Model[], ids: readonly string[] | undefined) =>
  ids?.join() === models.map(({ id }) => id).join()

const isKnown = (models: readonly Model[], id: string) =>
  models.some((model) => model.routes.some((route) => route.id === id))

const mayArrange = (options: UpOptions, { ui }: Context): boolean =>
  Boolean(options.acceptLicences || options.useCaseFile || (ui.interactive && !options.yes))

function warnOfGone(
  before: readonly { id: string; label: string }[],
  now: readonly Model[],
  available: readonly Model[],
  { ui }: Context,
) {
  for (const { id, label } of before) {
    if (now.some((model) => model.id === id)) continue
    const why = available.find((model) => model.routes.some((route) => route.id === id))?.problem?.what
    ui.emit({
      type: 'warning',
      text: `${label} can't be called any more and is removed from the menu. ${why ?? ''}`.trim(),
    })
  }
}

/** Read before the first call, so that an invalid file is always reported. */
const readUseCase = async (path: string, context: Context): Promise<UseCase> =>
  parseUseCase(await readForm(path, context), path)

/** More than all of its fields can have. */
const largestForm = 65_536

async function readForm(path: string, context: Context): Promise<string> {
  try {
    return (await readGiven(path, largestForm, context)).toString()
  } catch (error) {
    if (!(error instanceof UnusableFile)) throw error
    throw new LabError({
      code: 'no-use-case-file',
      what: `The file ${JSON.stringify(path.slice(0, 200))} can't be read.`,
      why: error.why,
      fix: ['Check the path that you gave to --use-case-file.'],
      cause: error,
    })
  }
}

/** Each legal act needs its own consent: its flag, or an answer in the terminal. Never the default. */
function consentOf(options: UpOptions, form: UseCase | undefined, { ui }: Context): Consent {
  const asks = ui.interactive && !options.yes
  return {
    async useCase() {
      if (form !== undefined) return form
      return asks ? await askUseCase(ui) : undefined
    },
    async licence({ model, url, prices }) {
      if (options.acceptLicences) return true
      if (!asks) return false
      const price = prices.map(({ what, price }) => `$${price} for each ${what}`).join(', ')
      return await ui.confirm({
        flag: '--accept-licences',
        message: `Accept the licence of ${model.name} by ${model.provider}?`,
        hint: [url && `Its text: ${url}`, price && `Price: ${price}`].filter(Boolean).join('\n  '),
        default: false,
      })
    },
  }
}
