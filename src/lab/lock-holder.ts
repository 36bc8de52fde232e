import { readFileSync, readlinkSync } from 'node:fs'
import * as z from 'zod'

/** Who holds a lab's lock. Anyone in the account can write it, so its contents are not trusted. */
const holderSchema = z.object({
  /** Random. It alone identifies the run that holds the lock. */
  id: z.string().max(64),
  /** For people: "ana@laptop". */
  who: z.string().max(100),
  command: z.string().max(20),
  since: z.string().max(40),
  /** Where the process can be looked up. Not written by versions before 0.2. */
  process: z.object({ space: z.string().max(100), pid: z.int().positive() }).optional(),
})
export type Holder = z.infer<typeof holderSchema>

/** The holder in a lock's text; undefined if the text is not in this program's format. */
export function parseHolder(text: string | undefined): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(text ?? ''))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined
    throw error
  }
}

/**
 * Names the set of processes in which a pid means one process: this boot of this kernel and this pid namespace. Host
 * names are shared by containers and copied with machines. Undefined on systems without Linux's /proc.
 */
export function processSpace(): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`.slice(0, 100)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'EACCES' || code === 'EPERM') return undefined
    throw error
  }
}

/** Whether the holder is a process of this same process space, and has ended. */
export function isDeadHere(holder: Holder | undefined, space: string | undefined): boolean {
  if (!holder?.process || space === undefined || holder.process.space !== space) return false
  if (holder.process.pid === process.pid) return false
  try {
    process.kill(holder.process.pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
