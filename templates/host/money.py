"""Questions to LibreChat's database, in MongoDB's own shell in its container."""
import json

from lab import CODE, run

DATABASE = "librechat-lab-mongodb-1"


def ask(script, asked):
    """What a script of this folder prints about `asked`; None when the database does not answer."""
    with open(f"{CODE}/host/{script}", encoding="utf-8") as file:
        text = f"const asked = {json.dumps(asked)};\n{file.read()}"
    # By standard input it would be a session with prompts; as an argument it is never read by a shell.
    result = run("docker", "exec", DATABASE, "mongosh", "--quiet", "--norc", "--eval", text)
    lines = [line for line in result.stdout.splitlines() if line.startswith("{")]
    if result.returncode != 0 or not lines:
        print(f"mongosh ended with {result.returncode}: {result.stderr.strip()[-500:]}")
        return None
    return json.loads(lines[-1])
