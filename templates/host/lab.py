"""What the host's programs share: requests from the command line, sealed answers, and errors in three parts.

Standard output and error are the stage's log; file 3 is what goes back through Run Command, where nothing secret may
stand. A password that a person gave is read from a SecureString parameter; one that is made here goes back encrypted
to the one-time key that came with the request.
"""
import base64
import json
import os
import secrets
import subprocess
import sys
import tempfile

LAB = os.environ["LAB"]
CODE = os.environ["CODE"]


def request():
    """The request that came with the payload: one JSON object."""
    with open(f"{CODE}/input/request.json", encoding="utf-8") as file:
        return json.load(file)


def answer(result):
    """The last line of what Run Command shows."""
    with os.fdopen(3, "w", encoding="utf-8", closefd=False) as out:
        out.write(json.dumps(result, separators=(",", ":")) + "\n")


def fail(code, what, why, *fix):
    """Ends the stage; run.sh passes the error on."""
    with open(f"{LAB}/state/error.json", "w", encoding="utf-8") as file:
        json.dump({"code": code, "what": what, "why": why, "fix": list(fix)}, file)
    print(f"failed: {what} {why}")
    sys.exit(1)


def run(*command, **options):
    """A command's result, output as text; never raises for its exit code."""
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def compose(*arguments, **options):
    return run("docker", "compose", *arguments, cwd=LAB, **options)


def password_of(asked):
    """The password of a request, and whether it was made here."""
    source = asked.get("password")
    if source is None:
        return secrets.token_urlsafe(15), True
    # Only the instance's role may read it, and the CLI deletes it afterwards.
    result = run(
        "aws", "ssm", "get-parameter", "--region", source["region"], "--name", source["parameter"],
        "--with-decryption", "--output", "json",
    )
    if result.returncode != 0:
        fail(
            "password-parameter", "The host could not read the password that you gave.",
            result.stderr.strip()[-500:], "Check that the instance's role holds AmazonSSMManagedInstanceCore.",
        )
    return json.loads(result.stdout)["Parameter"]["Value"], False


def seal(text, asked):
    """`text` encrypted with RSA-OAEP and SHA-256 to the request's public key, as base64."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as key:
        key.write(asked["publicKey"])
        key.flush()
        result = subprocess.run(
            ["openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", key.name, "-pkeyopt", "rsa_padding_mode:oaep",
             "-pkeyopt", "rsa_oaep_md:sha256"],
            input=text.encode(), capture_output=True, check=True,
        )
    return base64.b64encode(result.stdout).decode()
