"""What the host's programs share: requests from the command line, sealed answers, and errors in three parts.

Standard output and error are the stage's log; file 3 is what goes back through Run Command, where nothing secret may
stand. A password that a user gave comes encrypted to a key that this host made for it (key.py); one that is made here
goes back encrypted to the one-time key that came with the request.
"""
import base64
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile

LAB = os.environ["LAB"]
CODE = os.environ["CODE"]
INPUT = os.environ["INPUT"]
# In memory, so that a key is never on the disk.
KEYS = os.environ["RUN"] + "/keys"
OAEP = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256"]


def request():
    """The request that came with the payload: one JSON object."""
    with open(f"{INPUT}/request.json", encoding="utf-8") as file:
        return json.load(file)


def save(path, text):
    """Replaces a file; the new one is on the disk before it has its name."""
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{path}.new", path)


def answer(result):
    """Prints the last line that Run Command shows."""
    with os.fdopen(3, "w", encoding="utf-8", closefd=False) as out:
        out.write(json.dumps(result, separators=(",", ":")) + "\n")


def step(code, **parameters):
    """A step with a command of librechat-lab, which renders it as its user has to type it."""
    return {"code": code, **parameters}


def fail(code, what, why, *fix, refused=False):
    """Ends the stage; run.sh passes the error on. A fix is a text or a step (see src/host/steps.ts)."""
    with open(f"{LAB}/state/error.json", "w", encoding="utf-8") as file:
        json.dump({"code": code, "what": what, "why": why, "fix": list(fix), "refused": refused}, file)
    print(f"failed: {what} {why}")
    sys.exit(1)


def refuse(code, what, why, *fix):
    """Like fail, for a request that is refused: nothing went wrong, so the log is not shown."""
    fail(code, what, why, *fix, refused=True)


def run(*command, **options):
    """A command's result, output as text; never raises for its exit code."""
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def compose(*arguments, **options):
    return run("docker", "compose", *arguments, cwd=LAB, **options)


def key_of(asked):
    """The file of the key that a request's password was encrypted to; None if it is missing."""
    name = (asked.get("password") or {}).get("key", "")
    path = f"{KEYS}/{name}"
    return path if re.fullmatch(r"[0-9a-f]{24}", name) and os.path.exists(path) else None


def forget_key(asked):
    path = key_of(asked)
    if path is not None:
        os.remove(path)


def password_of(asked):
    """The password of a request, and whether it was generated here. A key decrypts one given password only."""
    given = asked.get("password")
    if given is None:
        return secrets.token_urlsafe(15), True
    path = key_of(asked)
    if path is None:
        fail("password-key", "The host no longer has the key that your password was encrypted to.",
             "A key lasts two hours, opens one password, and is gone after a restart.", "Run the command again.")
    # Encrypted for this action on this user, so it can't be decrypted in another request.
    label = f"{asked['action']} {asked['email']}".encode().hex()
    result = subprocess.run(
        ["openssl", "pkeyutl", "-decrypt", "-inkey", path, *OAEP, "-pkeyopt", f"rsa_oaep_label:{label}"],
        input=base64.b64decode(given["sealed"]), capture_output=True, check=False,
    )
    forget_key(asked)
    if result.returncode != 0:
        fail("password-key", "Your password could not be decrypted.",
             "It was encrypted for another request, or changed in transit.", "Run the command again.")
    return result.stdout.decode(), False


def seal(text, asked):
    """`text` encrypted with RSA-OAEP and SHA-256 to the request's public key, as base64."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as key:
        key.write(asked["publicKey"])
        key.flush()
        result = subprocess.run(
            ["openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", key.name, *OAEP],
            input=text.encode(), capture_output=True, check=True,
        )
    return base64.b64encode(result.stdout).decode()
