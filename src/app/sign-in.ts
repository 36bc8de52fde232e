import type { Clients } from '../aws/clients.js'
import { wrongClock } from '../aws/clock-offset.js'
import type { Connection } from '../aws/connect.js'
import type { Context, GlobalOptions } from './context.js'

/** Connects, asks for an MFA code if needed, and warns about a wrong clock. */
export async function signIn(
  options: GlobalOptions,
  context: Context,
  meanwhile?: (clients: Clients) => void,
): Promise<Connection> {
  const { ui } = context
  const mfaCode = ui.interactive ? (serial: string) => askMfaCode(serial, context) : undefined
  const connection = await context.connect(options, undefined, meanwhile, mfaCode)
  if (connection.credentialConflict) ui.emit({ type: 'warning', text: connection.credentialConflict })
  const wrong = wrongClock(connection.clock.ms)
  if (wrong) {
    ui.emit({
      type: 'warning',
      text: `This computer's clock is ${wrong}. Requests are signed with AWS's time, but correct the clock for everything else.`,
    })
  }
  return connection
}

/** Account, region, identity and credentials: the first line of every command that calls AWS. */
export function identityLine({ account, arn, credentialSource }: Connection, where: string): string {
  const who = `account ${account} · ${where} · ${arn}`
  return credentialSource ? `${who} · credentials: ${credentialSource}` : who
}

const askMfaCode = (serial: string, { ui }: Context): Promise<string> =>
  ui.input({
    flag: '--profile <profile>',
    message: `MFA code of ${serial}:`,
    validate: (value) => /^\d{6}$/.test(value.trim()) || 'Enter the six digits that the device shows.',
  })
