import { inBackground } from './background.js'
import type { Ending } from './ending.js'
import { payloadType } from './message.js'
import { payloadLength } from './mux.js'
import { rawMode } from './raw-mode.js'
import { Session, type SessionSurroundings } from './session.js'
import type { SessionRequest } from './start.js'

/** A user's terminal, or pipes instead. Without an input, nothing is typed and Ctrl-C is handled locally. */
export interface Terminal {
  input?: NodeJS.ReadStream
  output: NodeJS.WriteStream
}

const endOfInput = Buffer.from([4])
const high = 256 * 1024
const look = 20

/**
 * A session that takes over the terminal: every key, including Ctrl-C, is sent to the instance, and output is shown
 * unchanged. Resolves with the reason for its end; the terminal is then restored.
 */
export async function runTerminal(
  request: SessionRequest,
  surroundings: SessionSurroundings,
  terminal: Terminal,
  signal: AbortSignal,
  show: (chunk: Buffer) => void = (chunk) => terminal.output.write(chunk),
): Promise<Ending> {
  const { input, output } = terminal
  let typed: Buffer[] = []
  let finish: (ending: Ending) => void = () => {}
  const ended = new Promise<Ending>((resolve) => {
    finish = resolve
  })
  let session: Session | undefined
  const send = () => {
    while (session && session.sendWindow > 0 && typed.length > 0) {
      const next = Buffer.concat(typed)
      session.send(payloadType.output, next.subarray(0, payloadLength))
      typed = next.length > payloadLength ? [next.subarray(payloadLength)] : []
    }
    if (typed.length === 0) input?.resume()
  }
  session = await Session.start(
    request,
    surroundings,
    {
      payload: (type, payload) => {
        if (type !== payloadType.output && type !== payloadType.stderr) return
        show(payload)
        if (output.writableLength > high) inBackground(waitUntilShown(output, session, surroundings))
      },
      onDrain: send,
      broken: () => {},
      resumed: () => {},
      ended: finish,
    },
    signal,
  )
  const type = (chunk: Buffer) => {
    typed.push(chunk)
    send()
    if (typed.length > 0) input?.pause()
  }
  const over = new AbortController()
  // A pipe stays at its end for the next reader; at a terminal, the end is a key that can be pressed again.
  const close = async () => {
    while (!over.signal.aborted) {
      type(endOfInput)
      await surroundings.clock.sleep(1000, over.signal).catch(() => {})
    }
  }
  const resize = () => tellSize(session, output)
  const stop = () => finish({ how: 'stopped' })
  const cook = input?.isTTY ? rawMode(input) : () => {}
  input?.on('data', type)
  input?.on('end', close)
  output.on('resize', resize)
  signal.addEventListener('abort', stop)
  resize()
  try {
    return await ended
  } finally {
    over.abort()
    signal.removeEventListener('abort', stop)
    output.off('resize', resize)
    input?.off('data', type)
    input?.off('end', close)
    cook()
    input?.pause()
    await session.stop()
  }
}

/** The window's size; 80 columns without one. */
function tellSize(session: Session | undefined, output: NodeJS.WriteStream): void {
  const size = { cols: output.columns ?? 80, rows: output.rows ?? 24 }
  session?.send(payloadType.size, Buffer.from(JSON.stringify(size)))
}

/** Makes the instance wait until the terminal has written the output. */
async function waitUntilShown(
  output: NodeJS.WriteStream,
  session: Session | undefined,
  { clock }: SessionSurroundings,
): Promise<void> {
  session?.hold()
  while (output.writableLength > high / 2 && !output.destroyed) await clock.sleep(look)
  session?.release()
}
