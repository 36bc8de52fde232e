import type { AnyAnswers } from './answers.js'
import type { Exceptions } from './exceptions.js'
import { exceptionFor, Refusal } from './refusal.js'

/** One service of the rehearsal account: what it answers, and the SDK's exceptions that it throws. */
export interface Service {
  readonly name: string
  readonly answers: AnyAnswers
  readonly exceptions: Exceptions
}

/** Answers one call of a service; throws `Refusal`. */
export type Ask = (service: Service, call: string, input: object) => Promise<object>

interface Interceptable {
  middlewareStack: { add(middleware: never, options: never): void }
}

type Middleware = (
  next: unknown,
  context: { commandName?: string },
) => (args: { input: object }) => Promise<object>

/**
 * Makes an SDK client answer from memory. The SDK validates, serializes, signs and retries the command as usual; only
 * the network request is replaced.
 */
export function intercept<Client extends Interceptable>(
  client: Client,
  service: Service,
  ask: Ask,
  requestId: () => string,
): Client {
  const middleware: Middleware = (_next, context) => async (args) => {
    const call = (context.commandName ?? '').replace(/Command$/, '')
    const $metadata = { requestId: requestId(), httpStatusCode: 200 }
    try {
      const output = await ask(service, call, args.input)
      return { response: { statusCode: 200, headers: {} }, output: { ...output, $metadata } }
    } catch (error) {
      throw error instanceof Refusal ? exceptionFor(error, service.exceptions, $metadata) : error
    }
  }
  client.middlewareStack.add(
    middleware as never,
    { name: 'rehearsal', step: 'deserialize', priority: 'high' } as never,
  )
  return client
}
