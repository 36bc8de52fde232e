import { stringify } from 'yaml'
import { answerTokens } from '../core/answer-tokens.js'

export interface LibreChatSettings {
  /** The region whose Bedrock answers; shown to users as the only one. */
  region: string
  /** The menu, in order: each model's id and label. Empty: a lab without chat. */
  models: readonly { id: string; label: string }[]
  /** The id of the model that a new conversation starts with. */
  defaultModel?: string | undefined
  /** The id of the model that names conversations; it must be callable, or every title fails. */
  titleModel?: string | undefined
  /** The most tokens of an answer, thinking included; `answerTokens.default` where left out. */
  maxTokens?: number | undefined
  /** US dollars that each user may spend in a calendar month. */
  allowance?: number | undefined
}

/** What a conversation with each model of the menu starts with. The chat proof asks with the same. */
export const presetsOf = ({ models, maxTokens }: Pick<LibreChatSettings, 'models' | 'maxTokens'>) =>
  models.map(({ id }) => ({
    endpoint: 'bedrock' as const,
    model: id,
    maxTokens: maxTokens ?? answerTokens.default,
  }))

/** The configuration's own version, for LibreChat v0.8.8. A string: unquoted, YAML would read 1.3 as a number. */
const CONFIG_VERSION = '1.3.17'

/**
 * What agents can do without a third party. LibreChat's default adds `execute_code`, which sends files and code to
 * LibreChat's hosted service, `web_search`, which asks users for third-party keys, and `file_search` and `memory`,
 * which need services that a lab does not run.
 */
const capabilities = [
  'deferred_tools',
  'artifacts',
  'actions',
  'context',
  'skills',
  'ask_user_question',
  'tools',
  'chain',
  'ocr',
  'subagents',
] as const

/**
 * By default LibreChat requests the title at the same time as the first answer, with the model's own token limit:
 * together they can exceed the quota of a new account.
 */
const titleTiming = 'final'

/**
 * `librechat.yaml`, with exactly the callable models, by their familiar names. Without `addedEndpoints` agents would
 * vanish from the menu, and with a list of specs LibreChat hides parameters and presets unless told so.
 */
export function librechatYaml(settings: LibreChatSettings): string {
  const { region, models, defaultModel, titleModel, allowance } = settings
  const labels = distinct(models)
  return stringify(
    {
      version: CONFIG_VERSION,
      cache: true,
      interface: {
        modelSelect: true,
        parameters: true,
        presets: true,
        // Hides what needs a third party. The capabilities below enforce it on the server.
        runCode: false,
        webSearch: false,
        fileSearch: false,
        fileCitations: false,
      },
      // LibreChat's other tools ask users for a third party's key.
      includedTools: ['calculator'],
      registration: { socialLogins: [] },
      ...(allowance !== undefined && {
        // A million credits are a dollar. LibreChat's own refill adds the same amount to every user after a number of
        // days. Instead, the host sets each balance at the start of a month (templates/host/money.py).
        balance: { enabled: true, startBalance: Math.round(allowance * 1e6), autoRefillEnabled: false },
      }),
      endpoints: {
        // The page uses the agents' timing, the server the endpoint's.
        agents: { capabilities, titleTiming },
        bedrock: {
          // Without a list, LibreChat offers its own models, and this account can't call most of them.
          models: models.map(({ id }) => id),
          availableRegions: [region],
          titleConvo: titleModel !== undefined,
          ...(titleModel !== undefined && { titleModel, titleTiming }),
        },
      },
      ...(models.length > 0 && {
        modelSpecs: {
          enforce: false,
          prioritize: true,
          addedEndpoints: ['agents'],
          list: presetsOf(settings).map((preset, index) => ({
            name: preset.model,
            label: labels[index],
            ...(preset.model === defaultModel && { default: true }),
            preset,
          })),
        },
      }),
    },
    { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN', lineWidth: 0 },
  )
}

/** Adds the id to labels that two models share, such as one in the region and one through a profile. */
function distinct(models: LibreChatSettings['models']): string[] {
  return models.map(({ id, label }) =>
    models.some((other) => other.id !== id && other.label === label) ? `${label} (${id})` : label,
  )
}
