// Runs one of LibreChat's own scripts, which ask on their terminal, and answers each prompt when it appears.
// Each asks through a reader of its own, so answers sent all at once would be lost with the first one.
// `node -e <this> <script> <argument>...`; standard input: [[<prompt>, <answer>], ...], in their order. Any other
// question that yes or no answers is answered with yes, however many there are: the user has agreed already.
// Ends with the script's code; 124 when it asks something else, or says nothing for two minutes.
const { spawn } = require('node:child_process')

const quietMs = Number(process.env.ANSWER_QUIET_MS) || 120_000
const yesOrNo = /[([]\s*y(?:es)?\s*\/\s*no?\s*[)\]]/i

let input = ''
process.stdin.setEncoding('utf8')
process.stdin.on('data', (text) => {
  input += text
})
process.stdin.on('end', () => {
  const answers = JSON.parse(input)
  const script = spawn(process.execPath, process.argv.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
  let heard = ''
  let stuck = false
  const quiet = setTimeout(() => {
    stuck = true
    script.kill('SIGKILL')
  }, quietMs)

  /** The next prompt in what was heard: where it ends and what to say, or undefined. */
  const prompt = () => {
    const [expected, answer] = answers[0] ?? []
    const at = expected === undefined ? -1 : heard.indexOf(expected)
    const question = yesOrNo.exec(heard)
    if (at >= 0 && !(question && question.index < at)) {
      answers.shift()
      return { end: at + expected.length, answer }
    }
    if (question)
      return { end: question.index + question[0].length, answer: /yes/i.test(question[0]) ? 'yes' : 'y' }
  }
  script.stdin.on('error', () => {})
  script.stdout.setEncoding('utf8')
  script.stdout.on('data', (text) => {
    process.stdout.write(text)
    quiet.refresh()
    heard += text
    for (let found = prompt(); found; found = prompt()) {
      heard = heard.slice(found.end)
      script.stdin.write(`${found.answer}\n`)
    }
  })
  script.on('close', (code) => {
    clearTimeout(quiet)
    if (stuck) {
      const last = heard.trimEnd().split('\n').at(-1)
      console.error(`\nIt asked what nobody can answer here, or hung: ${last || '(nothing)'}`)
    }
    process.exitCode = stuck ? 124 : (code ?? 1)
  })
})
