import type { Clients } from './clients.js'

/**
 * Makes every changing call of a lab's clients wait for `check` first, and fail if it fails. Calls that name one of
 * `except` as their `Name` pass. Returns a function that removes the guard.
 */
export function guardChanges(
  { budgets, ec2, ec2Once, iam, scheduler, ssm }: Clients,
  check: () => Promise<void>,
  except: readonly string[],
): () => void {
  const name = 'guardChanges'
  for (const { middlewareStack } of [budgets, ec2, ec2Once, iam, scheduler, ssm] as unknown as Guarded[]) {
    middlewareStack.add(
      (next, { commandName = '' }) =>
        async (call) => {
          const reads = /^(Describe|Get|List)/.test(commandName)
          if (!reads && !except.includes(call.input.Name ?? '')) await check()
          return await next(call)
        },
      // Before the SDK's own retries, so that a refusal is final.
      { step: 'initialize', name, override: true },
    )
  }
  return () => {
    for (const { middlewareStack } of [budgets, ec2, ec2Once, iam, scheduler, ssm])
      middlewareStack.remove(name)
  }
}

type Handler = (call: { input: { Name?: string } }) => Promise<unknown>

/** The part that all clients share; their own types differ in their commands. */
interface Guarded {
  middlewareStack: {
    add(
      middleware: (next: Handler, context: { commandName?: string }) => Handler,
      options: { step: 'initialize'; name: string; override: boolean },
    ): void
  }
}
