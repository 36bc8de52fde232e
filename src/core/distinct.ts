import { isDeepStrictEqual } from 'node:util'

/** Each value once, in order, compared by content. */
export const distinct = <T>(list: readonly T[]): T[] =>
  list.filter((one, at) => list.findIndex((other) => isDeepStrictEqual(one, other)) === at)
