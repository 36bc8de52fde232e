import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { entry, newFolder } from './program.js'

/** Writes the completion script beside a librechat-lab that a shell can call, once a shell. */
function prepared(shell: string) {
  const there = made.get(shell)
  if (there) return there
  const folder = newFolder()
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, 'bin/librechat-lab'), `#!/bin/sh\nexec ${process.execPath} ${entry} "$@"\n`, {
    mode: 0o755,
  })
  const script = join(folder, `completion.${shell}`)
  writeFileSync(script, execFileSync(process.execPath, [entry, 'completion', shell]))
  const env = { PATH: `${folder}/bin:${process.env.PATH}`, HOME: folder, TERM: 'dumb', LANG: 'C.UTF-8' }
  made.set(shell, { script, env })
  return { script, env }
}
const made = new Map<string, { script: string; env: NodeJS.ProcessEnv }>()

/** What the shell itself offers for a line whose last word is being typed, asked of the shell's own machinery. */
const shells: Record<string, (script: string, words: string[]) => string[]> = {
  bash: (script, words) => [
    '--norc',
    '-c',
    `source ${script}
     COMP_WORDS=(librechat-lab ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}
     $(complete -p librechat-lab | sed 's/.*-F \\([^ ]*\\).*/\\1/')
     printf '%s\\n' "\${COMPREPLY[@]}"`,
  ],
  // zsh completes only at a prompt: a shell in a pseudo-terminal of its own types the line and asks for the list.
  zsh: (script, words) => [
    '-f',
    '-c',
    `zmodload zsh/zpty
     zpty z zsh -f -i
     zpty -w z "PS1= ; stty -echo; autoload -Uz compinit; compinit -u -d ${script}.dump; source ${script}; print READ''Y"
     zpty -r z out '*READY*'
     zpty -w z "LISTMAX=10000; COLUMNS=2000; zstyle ':completion:*' list-prompt ''; zstyle ':completion:*' verbose no; zle -C list-them list-choices _generic; bindkey '^I' list-choices; print READ''Z"
     zpty -r z out '*READZ*'
     zpty -n -w z "librechat-lab ${words.join(' ')}"$'\\t'
     sleep 1
     zpty -n -w z $'\\C-u'"print THE''END"$'\\n'
     zpty -r z out '*THEEND*'
     print -r -- "$out"`,
  ],
  fish: (script, words) => [
    '--no-config',
    '-c',
    `source ${script}; complete -C 'librechat-lab ${words.join(' ')}'`,
  ],
}

/** The words among what a shell shows. */
async function offered(shell: string, line: string): Promise<string[]> {
  const words = line.split(' ').slice(1)
  const { script, env } = prepared(shell)
  const argv = shells[shell]?.(script, words) ?? []
  const running = promisify(execFile)(shell, argv, { env, timeout: 20_000 })
  running.child.stdin?.end()
  const ended = await running
  expect(ended.stderr, line).toBe('')
  return (shell === 'fish' ? ended.stdout.replace(/\t.*/g, '') : ended.stdout)
    .split(/[\s\0]+/)
    .filter(Boolean)
}

const cases: [line: string, offers: string[], notThese: string[]][] = [
  ['librechat-lab ', ['up', 'status', 'destroy', 'tunnel', 'help'], ['add', '--disk']],
  ['librechat-lab st', ['status'], ['up']],
  ['librechat-lab user ', ['add', 'list', 'remove', 'reset-password'], ['up', 'password']],
  ['librechat-lab up --d', ['--disk', '--dry-run', '--domain'], ['--confirm', '--name']],
  ['librechat-lab up --name team-a --re', ['--region', '--rehearse', '--replace-instance'], ['--confirm']],
  ['librechat-lab user add --as', ['--ask-password'], ['--disk']],
  ['librechat-lab open ', ['librechat', 'portainer'], ['up']],
  ['librechat-lab up --scenario ', ['throttling', 'stage-failing'], ['--disk']],
  ['librechat-lab logs ', ['librechat', 'mongodb', 'proxy'], ['up']],
  ['librechat-lab tunnel ', ['librechat', 'portainer'], ['up']],
  ['librechat-lab list --all', ['--all-regions'], ['--disk']],
  ['librechat-lab portainer password --re', ['--reset', '--rehearse'], ['--attach-to-role']],
  ['librechat-lab help ', ['costs', 'security', 'permissions', 'up'], ['--disk']],
]

for (const shell of Object.keys(shells)) {
  const isThere = spawnSync(shell, ['-c', 'true']).status === 0
  if (!isThere && process.env.CI === 'true' && shell === 'bash')
    throw new Error('CI=true, and there is no bash.')
  if (!isThere) process.stderr.write(`\nNot run, for want of it: completions in ${shell}\n`)
  describe.skipIf(!isThere)(`completions in ${shell} itself`, { concurrent: true }, () => {
    it.for(cases)('%s', async ([line, offers, notThese]) => {
      const words = await offered(shell, line)
      expect(words).toEqual(expect.arrayContaining(offers))
      expect(words.filter((word) => notThese.includes(word))).toEqual([])
    })
  })
}
