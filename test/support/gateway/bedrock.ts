import type { AccountKind } from './account-kind.js'
import { type Card, cards, type Geography, geographies } from './bedrock-catalogue.js'
import { PAYMENT } from './bedrock-runtime.js'

export type { AccountKind }
