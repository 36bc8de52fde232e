"""The guest's end of the channel: runs what it is told as Systems Manager's agent would, any number at once.

A line of JSON each way. In: {"id", "script"} runs a script as root through sh; {"id", "kill"} kills that one and its
children. Out: {"id", "code", "stdout", "stderr"}, cut as GetCommandInvocation cuts them.
"""
import json
import os
import signal
import subprocess
import tempfile
import threading

port = open("/dev/virtio-ports/lab.agent", "r+b", buffering=0)
writing = threading.Lock()
running = {}


def reply(message):
    with writing:
        data = (json.dumps(message) + "\n").encode()
        while data:
            data = data[port.write(data):]


def run(message):
    # AWS-RunShellScript: a file without a first line that names a shell, run by `sh -c <file>`.
    directory = tempfile.mkdtemp(prefix="ssm-")
    path = f"{directory}/_script.sh"
    with open(path, "w", encoding="utf-8") as file:
        file.write(message["script"])
    os.chmod(path, 0o700)
    process = subprocess.Popen(
        ["sh", "-c", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    running[message["id"]] = process
    out, err = process.communicate()
    reply({
        "id": message["id"], "code": process.returncode if process.returncode >= 0 else 137,
        "stdout": out.decode(errors="replace")[:24000], "stderr": err.decode(errors="replace")[:8000],
    })


def main():
    reply({"id": 0, "ready": True})
    while True:
        line = b""
        while not line.endswith(b"\n"):
            chunk = port.read(65536)
            if not chunk:
                # Nobody listens at the other end yet.
                threading.Event().wait(0.2)
                continue
            line += chunk
        for text in line.decode().splitlines():
            message = json.loads(text)
            if "kill" in message:
                process = running[message["kill"]]
                os.killpg(process.pid, signal.SIGKILL)
                reply({"id": message["id"], "code": 0, "stdout": "", "stderr": ""})
            else:
                threading.Thread(target=run, args=(message,), daemon=True).start()


main()
