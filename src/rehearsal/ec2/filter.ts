import type { Tags } from '../account.js'
import { Refusal } from '../refusal.js'

export interface Filter {
  Name?: string | undefined
  Values?: string[] | undefined
}

/**
 * Whether an item matches EC2's filters: all of them, each by any of its values, with the wildcards `*` and `?`.
 * `fields` are the filters besides tags; an unknown filter is refused, as in AWS.
 */
export function passes(
  filters: readonly Filter[] | undefined,
  tags: Tags,
  fields: Record<string, string | readonly string[] | undefined>,
): boolean {
  return (filters ?? []).every(({ Name = '', Values = [] }) =>
    valuesOf(Name, tags, fields).some((value) => Values.some((pattern) => like(pattern, value))),
  )
}

function valuesOf(
  name: string,
  tags: Tags,
  fields: Record<string, string | readonly string[] | undefined>,
): readonly string[] {
  if (name === 'tag-key') return Object.keys(tags)
  if (name.startsWith('tag:')) {
    const value = tags[name.slice('tag:'.length)]
    return value === undefined ? [] : [value]
  }
  if (!Object.hasOwn(fields, name)) {
    throw new Refusal('InvalidParameterValue', `The filter '${name}' is invalid`)
  }
  const value = fields[name]
  return value === undefined ? [] : typeof value === 'string' ? [value] : value
}

function like(pattern: string, value: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 's').test(value)
}

/** The items with the given ids (all without ids); throws AWS's error for the first that doesn't exist. */
export function chosen<Thing>(
  things: Record<string, Thing>,
  ids: readonly string[] | undefined,
  code: string,
  kind: string,
): [string, Thing][] {
  if (!ids?.length) return Object.entries(things)
  return ids.map((id) => {
    const thing = Object.hasOwn(things, id) ? things[id] : undefined
    if (thing === undefined) throw new Refusal(code, `The ${kind} '${id}' does not exist`)
    return [id, thing]
  })
}
