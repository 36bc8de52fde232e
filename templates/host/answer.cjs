// Runs one of LibreChat's own scripts, which ask on their terminal, and answers each prompt when it appears.
// Each asks through a reader of its own, so answers sent all at once would be lost with the first one.
// `node -e <this> <script> <argument>...`; standard input: [[<prompt>, <answer>], ...]. Ends with the script's code.
const { spawn } = require('node:child_process')

let input = ''
process.stdin.setEncoding('utf8')
process.stdin.on('data', (text) => {
  input += text
})
process.stdin.on('end', () => {
  const answers = JSON.parse(input)
  const script = spawn(process.execPath, process.argv.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
  // A script that hangs on a question nobody foresaw.
  const deadline = setTimeout(() => script.kill('SIGKILL'), 120_000)
  let heard = ''
  script.stdin.on('error', () => {})
  script.stdout.setEncoding('utf8')
  script.stdout.on('data', (text) => {
    process.stdout.write(text)
    heard += text
    while (answers.length > 0) {
      const [prompt, answer] = answers[0]
      const at = heard.indexOf(prompt)
      if (at < 0) break
      heard = heard.slice(at + prompt.length)
      script.stdin.write(`${answer}\n`)
      answers.shift()
    }
  })
  script.on('exit', (code) => {
    clearTimeout(deadline)
    process.exitCode = code ?? 1
  })
})
