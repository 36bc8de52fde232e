import type { LeftOut } from '../../bedrock/left-out.js'
import type { PlanItem } from '../../engine/converge.js'
import type { HostHealth } from '../../host/host-health.js'
import type { MadeUser } from '../../host/users.js'
import type { Choices } from '../../lab/choices.js'
import type { Cost } from '../../lab/prices.js'
import type { SettingRow } from '../../lab/setting-rows.js'
import type { Settings } from '../../lab/settings.js'
import type { Urls } from '../../lab/urls.js'
import type { ReleaseRefusal } from '../../resources/address.js'
import type { Stranger } from '../../resources/identity.js'
import type { LabId } from '../../resources/ownership.js'
import type { Chat } from '../chat-choice.js'
import type { ChatJudgement } from '../chat-proof.js'
import type { ChatReport } from '../chat-report.js'
import type { Context, GlobalOptions } from '../context.js'
import type { OpenLab } from '../open-lab.js'
import type { UpOptions } from '../up-options.js'

export type { Change } from '../../engine/resource.js'
export type { Cost } from '../../lab/prices.js'
export type { SettingRow } from '../../lab/setting-rows.js'

/** One run of `up`: its options, and the lab. */
export interface Run {
  readonly options: GlobalOptions & UpOptions
  readonly context: Context
  readonly open: OpenLab
  /** The flags, checked. */
  readonly choices: Choices
  readonly view: UpView
}

/** This run's wishes from flags and answers, without the stored settings. */
export interface Wish {
  readonly choices: Choices
  readonly chat: Chat
  /** This machine's public address, if the lab allows a detected one. */
  readonly detected: string | undefined
  /** For a new lab. */
  readonly generation: string
  /** The first user's, typed by the user. */
  readonly password: string | undefined
}

/** The plan, as plain data. */
export interface Plan {
  items: readonly PlanItem[]
  /** The instance to replace. */
  replaces: string | undefined
  /**
   * Whether the data of a replaced instance moves to the new one, which then has to answer before the old one is
   * terminated.
   */
  movesData: boolean
  cost: Cost
  lab: LabId
  settings: Settings
  /** Every setting, compared with the actual state. */
  rows: readonly SettingRow[]
  /** Unproven resources with the lab's tags, which are not changed. */
  strangers: readonly Stranger[]
  /** Parameters in which an older version left a password; they are removed. */
  leftSecrets: readonly string[]
  /** Whether the region's default VPC is created first. */
  createsVpc: boolean
}

/** A finished run. */
export interface Summary extends Plan {
  changed: boolean
  /** Time from the agreement to the last change; undefined without changes. */
  tookMs: number | undefined
  address: string
  instanceId: string
  urls: Urls
  health?: HostHealth | undefined
  chat: ChatReport | undefined
  judged: ChatJudgement
  /** Steps that would add more models to the menu. */
  leftOut: readonly LeftOut[]
  firstUser?: MadeUser | undefined
  /** Whether 443 and 9443 answer from here. */
  answers: { https: boolean; portainer: boolean }
  /** What prevents releasing the address. */
  refusal: ReleaseRefusal
}

/** Output of a run. */
export interface UpView {
  /** Before the question. */
  plan(plan: Plan): void
  /** The result of `--dry-run`. */
  dryRun(plan: Plan): void
  /** The result; a password in it is shown here, once. */
  summary(summary: Summary): void
}
