import { spawnSync } from 'node:child_process'

/**
 * Hands every key on as it is pressed, and shows what comes as it is: Node's raw mode goes on turning each LF into
 * CR LF (libuv, uv_tty_set_mode with UV_TTY_MODE_RAW), so stty ends that where there is one. Returns what puts the
 * terminal back.
 */
export function rawMode(input: NodeJS.ReadStream): () => void {
  input.setRawMode(true)
  const { error } = spawnSync('stty', ['-opost'], { stdio: [input, 'ignore', 'ignore'] })
  if (error && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  return () => input.setRawMode(false)
}
