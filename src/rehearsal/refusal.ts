/** An error of AWS: its code, message and HTTP status. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status = 400,
  ) {
    super(message)
  }
}

interface ExceptionParts {
  message: string
  name: string
  $fault: 'client' | 'server'
  $metadata: object
}
export type ServiceException = new (parts: ExceptionParts) => Error

/**
 * The SDK's own exception for a refusal: the class that it has for the code
 * (`NoSuchEntity` is thrown as `NoSuchEntityException`), or the service's base class with the code as its name.
 */
export function exceptionFor(
  { code, message, status }: Refusal,
  { base, classes }: { base: ServiceException; classes: Readonly<Record<string, ServiceException>> },
  $metadata: object,
): Error {
  const own = classes[code] ?? classes[`${code}Exception`]
  const parts = {
    message,
    name: code,
    $fault: status >= 500 ? 'server' : 'client',
    $metadata: { ...$metadata, httpStatusCode: status },
  } as const
  return Object.assign(new (own ?? base)(parts), { Code: code })
}

/** The item with this key; throws AWS's error if there is none. */
export function found<Thing>(
  things: Record<string, Thing>,
  key: string | undefined,
  code: string,
  message: string,
  status?: number,
): Thing {
  const thing = key !== undefined && Object.hasOwn(things, key) ? things[key] : undefined
  if (thing === undefined) throw new Refusal(code, message, status)
  return thing
}
