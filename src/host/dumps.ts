import * as z from 'zod'
import { LabError } from '../core/error.js'
import { retryWhile } from '../core/wait.js'
import type { Host } from './host.js'
import { lastJson, runStage } from './stage.js'

/** Time to stop LibreChat, dump some gigabytes, and start it again. */
const timeoutSeconds = 2 * 3600

const served = {
  /** The id of the transfer. */
  transfer: z.string(),
  port: z.number(),
  token: z.string(),
}
const made = z.object({
  backup: z.object({
    id: z.string(),
    bytes: z.number(),
    seconds: z.number(),
    /** How long LibreChat did not answer. */
    stoppedSeconds: z.number(),
    /** The dump's files and their sizes. */
    files: z.record(z.string(), z.number()),
    ...served,
  }),
})
export type OfferedDump = z.infer<typeof made>['backup']
const receiving = z.object({ receive: z.object({ publicKey: z.string(), ...served }) })
export type Receiver = z.infer<typeof receiving>['receive']
const restored = z.object({
  restored: z.object({
    id: z.string(),
    /** The dump of the data that was replaced. */
    before: z.string(),
    seconds: z.number(),
    stoppedSeconds: z.number(),
    /** Whether the search in old conversations could be rebuilt. */
    search: z.boolean(),
    /** The migrations of LibreChat's data that an older dump needed. */
    migrated: z.array(z.string()).optional(),
  }),
})
export type RestoredDump = z.infer<typeof restored>['restored']
const listed = z.object({
  dumps: z.array(
    z.object({
      id: z.string(),
      at: z.string(),
      reason: z.string(),
      bytes: z.number(),
      /** The version whose data it holds; null: the dump is damaged. */
      librechat: z.string().nullable(),
    }),
  ),
})
export type ListedDump = z.infer<typeof listed>['dumps'][number]

const packed = z.object({
  packed: z.object({
    id: z.string(),
    bytes: z.number(),
    stoppedSeconds: z.number(),
    files: z.record(z.string(), z.number()),
    /** The SHA-256 of index.json, which names each part's. */
    index: z.string().regex(/^[0-9a-f]{64}$/),
    /** An earlier upload that was interrupted and could not be aborted now. */
    left: z
      .object({ bucket: z.string(), key: z.string(), region: z.string(), uploadId: z.string() })
      .nullable(),
  }),
})
export type PackedDump = z.infer<typeof packed>['packed']
const uploaded = z.object({
  uploaded: z.object({
    bytes: z.number(),
    /** As S3 shows it: the SHA-256 of the parts' SHA-256, and how many they are. */
    checksum: z.string(),
    region: z.string(),
  }),
})
export type UploadedDump = z.infer<typeof uploaded>['uploaded']

/** An object in S3, and the account that has to own its bucket. */
export interface S3Place {
  bucket: string
  key: string
  /** Where to look first; S3 names the bucket's own. */
  region: string
  /** "amazonaws.com" */
  suffix: string
  account: string
}

async function ask<T>(
  host: Host,
  action: string,
  request: object,
  answer: z.ZodType<T>,
  onStep?: (step: string) => void,
): Promise<T> {
  const output = await runStage(host, 'backup', {
    stage: `backup-${action}`,
    input: { 'request.json': JSON.stringify({ action, ...request }) },
    timeoutSeconds,
    ...(onStep ? { onStep } : {}),
  })
  return answer.parse(lastJson(output))
}

/** The transfer of a command that was killed counts as dead after 20 seconds. */
const deadAfterMs = 40_000

/** Begins a transfer, once that of a command that was killed is dead. LabError `transfer-busy` while another one is alive. */
const begin: typeof ask = (host, ...request) =>
  retryWhile(
    {
      for: 'the host',
      deadlineMs: deadAfterMs,
      clock: host.clock,
      signal: host.signal,
      firstMs: 5_000,
      maxMs: 5_000,
    },
    (error) => error instanceof LabError && error.code === 'transfer-busy',
    () => ask(host, ...request),
  )

/** Dumps the lab, and offers the dump on a port of the host's loopback, encrypted to the key. The token is sealed to it too. */
export const offerDump = async (host: Host, publicKey: string, settings: string): Promise<OfferedDump> =>
  (await begin(host, 'make', { publicKey, settings }, made)).backup

/**
 * Dumps the lab and packs the dump into one encrypted file on the host, for `to`. What S3 would refuse comes before the
 * dump. `onStep` is told what it is doing.
 */
export const packDump = async (
  host: Host,
  request: { publicKey: string; settings: string; key: string; readme: string; header: object; to: S3Place },
  onStep: (step: string) => void,
): Promise<PackedDump> => (await begin(host, 'pack', request, packed, onStep)).packed

/** Uploads that file with the signature of its index, and deletes it. `onStep` is told how far it is. */
export const uploadDump = async (
  host: Host,
  request: { id: string; signature: string; to: S3Place },
  onStep: (step: string) => void,
): Promise<UploadedDump> => (await ask(host, 'upload', request, uploaded, onStep)).uploaded

/** Receives a dump on the same port, encrypted to the host's one-time key. The token is sealed to `publicKey`. */
export const receiveDump = async (
  host: Host,
  publicKey: string,
  dump: { id: string; files: Readonly<Record<string, number>> },
): Promise<Receiver> => (await begin(host, 'receive', { publicKey, ...dump }, receiving)).receive

/**
 * Restores a dump; the current data is dumped first.
 * @param transfer of one that was sent; undefined: the host's own dump
 */
export const restoreDump = async (
  host: Host,
  { id, transfer }: { id: string; transfer?: string | undefined },
): Promise<RestoredDump> =>
  (await ask(host, 'restore', { id, received: transfer !== undefined, transfer }, restored)).restored

/** Ends the offer and deletes its dump. */
export const endOffer = async (
  host: Host,
  { id, transfer }: Pick<OfferedDump, 'id' | 'transfer'>,
): Promise<void> => {
  await ask(host, 'done', { id, transfer }, z.object({ done: z.string() }))
}

export const listDumps = async (host: Host): Promise<ListedDump[]> =>
  (await ask(host, 'list', {}, listed)).dumps
