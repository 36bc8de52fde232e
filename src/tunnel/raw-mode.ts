import { spawnSync } from 'node:child_process'

/**
 * Passes on every key and shows output unchanged. Node's raw mode still converts LF to CR LF (libuv, uv_tty_set_mode
 * with UV_TTY_MODE_RAW), so stty turns that off where it exists. Returns a function that restores the terminal.
 */
export function rawMode(input: NodeJS.ReadStream): () => void {
  input.setRawMode(true)
  const { error } = spawnSync('stty', ['-opost'], { stdio: [input, 'ignore', 'ignore'] })
  if (error && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  return () => input.setRawMode(false)
}
