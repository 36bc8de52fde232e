import { spawn } from 'node:child_process'

/** If the opener has not failed after this time, the page is open, or the opener runs as long as the browser. */
const usualTimeoutMs = 3_000

const openers: Partial<Record<NodeJS.Platform, (url: string) => [command: string, args: string[]]>> = {
  darwin: (url) => ['open', [url]],
  win32: (url) => ['rundll32', ['url.dll,FileProtocolHandler', url]],
}

/** Opens a page in the user's browser; false if the platform's opener is missing or fails. */
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
