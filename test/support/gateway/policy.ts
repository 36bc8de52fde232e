import { GetUserPolicyCommand, type IAMClient, ListUserPoliciesCommand } from '@aws-sdk/client-iam'

type OneOrMany<T> = T | T[]

export interface Statement {
  Effect: 'Allow' | 'Deny'
  Action: OneOrMany<string>
  Resource: OneOrMany<string>
  Condition?: Record<string, Record<string, OneOrMany<string>>>
}

/** What IAM knows about a request when it judges it. */
export interface Asked {
  /** `ec2:ReleaseAddress`. */
  readonly action: string
  readonly resource: string
  /** `ec2:ResourceTag/team` and the like; a key with many values (`aws:TagKeys`) has them all. */
  readonly context: Readonly<Record<string, readonly string[]>>
}

/** Judges as IAM does: a Deny wins, then an Allow is needed. */
export function decide(statements: readonly Statement[], asked: Asked): 'allowed' | 'denied' | 'not allowed' {
  const said = statements.filter((statement) => applies(statement, asked))
  if (said.some(({ Effect }) => Effect === 'Deny')) return 'denied'
  return said.length > 0 ? 'allowed' : 'not allowed'
}

function applies({ Action, Resource, Condition }: Statement, { action, resource, context }: Asked): boolean {
  return (
    many(Action).some((pattern) => like(pattern.toLowerCase(), action.toLowerCase())) &&
    many(Resource).some((pattern) => like(pattern, resource)) &&
    Object.entries(Condition ?? {}).every(([operator, tests]) =>
      Object.entries(tests).every(([key, wanted]) =>
        holds(operator, context[key.toLowerCase()] ?? [], many(wanted)),
      ),
    )
  )
}

/** Condition operators as IAM's reference gives them; one that is not known here is an error, never a guess. */
function holds(operator: string, values: readonly string[], wanted: readonly string[]): boolean {
  const [set, plain = operator] = operator.includes(':') ? operator.split(':') : [undefined, operator]
  const test = (value: string) => wanted.some((one) => compares(plain, value, one))
  if (plain === 'Null') return wanted.includes(String(values.length === 0))
  if (set === 'ForAllValues') return values.every(test)
  if (/^(String|Arn)Not/.test(plain)) return values.every((value) => !test(value))
  if (plain.endsWith('IfExists') && values.length === 0) return true
  return values.some(test)
}

function compares(operator: string, value: string, wanted: string): boolean {
  switch (operator.replace(/Not|IfExists/g, '')) {
    case 'StringEquals':
    case 'Bool':
      return value === wanted
    case 'StringLike':
    case 'ArnLike':
    case 'ArnEquals':
      return like(wanted, value)
    default:
      throw new Error(`condition operator ${operator} is not known to the tests' evaluator`)
  }
}

function like(pattern: string, value: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.')
  return new RegExp(`^${source}$`, 's').test(value)
}

const many = <T>(value: OneOrMany<T>): T[] => (Array.isArray(value) ? value : [value])

/** The statements of a user's inline policies. */
export async function statementsOf(iam: IAMClient, UserName: string): Promise<Statement[]> {
  const { PolicyNames = [] } = await iam.send(new ListUserPoliciesCommand({ UserName }))
  const documents = await Promise.all(
    PolicyNames.map((PolicyName) => iam.send(new GetUserPolicyCommand({ UserName, PolicyName }))),
  )
  return documents.flatMap(({ PolicyDocument }) => documentOf(PolicyDocument))
}

/** The statements of a policy document as IAM returns it, URL-encoded. */
export function documentOf(encoded = '%7B%22Statement%22%3A%5B%5D%7D'): Statement[] {
  const { Statement } = JSON.parse(decodeURIComponent(encoded)) as { Statement: OneOrMany<Statement> }
  return many(Statement)
}
