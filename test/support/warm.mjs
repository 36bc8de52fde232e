// Runs the built program again and again in one process, each time as if in a process of its own: with its own words,
// environment, standard streams and signals. Only what the program loads stays, which takes most of a short run's time.
import { Console } from 'node:console'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { pathToFileURL } from 'node:url'

let runs = 0

/** A stream that keeps what is written to it. */
function kept() {
  const stream = new Writable({
    write(chunk, _, done) {
      stream.text += String(chunk)
      done()
    },
  })
  stream.text = ''
  return stream
}

function replace(name, value) {
  Object.defineProperty(process, name, { value, configurable: true, writable: true })
}

process.on('message', async ({ program, args, env, input }) => {
  const stdout = kept()
  const stderr = kept()
  replace('stdout', stdout)
  replace('stderr', stderr)
  replace('stdin', Readable.from(input === '' ? [] : [Buffer.from(input)]))
  globalThis.console = new Console(stdout, stderr)
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, env)
  process.argv = [process.execPath, join(program, 'bin/librechat-lab.js'), ...args]
  process.exitCode = 0
  try {
    // The entry alone is evaluated anew.
    await import(`${pathToFileURL(join(program, 'dist/cli.js'))}?run=${runs++}`)
  } catch (error) {
    stderr.text += `${error?.stack}\n`
    process.exitCode = 1
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(signal)
  const code = process.exitCode
  process.exitCode = 0
  process.send({ code, stdout: stdout.text, stderr: stderr.text })
})
// The test that started it has ended.
process.on('disconnect', () => process.exit(0))
