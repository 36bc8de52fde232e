import { spawn } from 'node:child_process'

/** An opener that has not failed by then has the page open, or runs as long as the browser does. */
const usualTimeoutMs = 3_000

const openers: Partial<Record<NodeJS.Platform, (url: string) => [command: string, args: string[]]>> = {
  darwin: (url) => ['open', [url]],
  win32: (url) => ['rundll32', ['url.dll,FileProtocolHandler', url]],
}

/** Opens a page in the user's browser; false where the platform's opener is missing or fails. */
export function openBrowser(url: string, timeoutMs = usualTimeoutMs): Promise<boolean> {
  const opener = openers[process.platform] ?? ((page: string) => ['xdg-open', [page]] as const)
  const [command, args] = opener(url)
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'ignore', detached: true })
    const timer = setTimeout(() => {
      child.unref()
      resolve(true)
    }, timeoutMs)
    const end = (opened: boolean) => {
      clearTimeout(timer)
      resolve(opened)
    }
    child.once('error', () => end(false))
    child.once('exit', (code) => end(code === 0))
  })
}
