import { readFileSync, readlinkSync } from 'node:fs'
import * as z from 'zod'

/** Who holds a lab's lock. Anybody in the account may have written it: nothing in it is trusted. */
const holderSchema = z.object({
  /** Random: the only thing that says whose lock it is. */
  id: z.string().max(64),
  /** For people: "ana@laptop". */
  who: z.string().max(100),
  command: z.string().max(20),
  since: z.string().max(40),
  /** Where the process can be looked up. Versions before 0.2 do not write it. */
  process: z.object({ space: z.string().max(100), pid: z.int().positive() }).optional(),
})
export type Holder = z.infer<typeof holderSchema>

/** The holder in a lock's text; undefined for a text that this program would not write. */
export function parseHolder(text: string | undefined): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(text ?? ''))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined
    throw error
  }
}

/**
 * Names the set of processes in which a pid means one process: this boot of this kernel and this pid namespace.
 * Host names are shared by containers and copied with machines. Undefined where Linux's /proc is not there.
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

/** Whether the holder is a process of this very process space that has ended. */
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
