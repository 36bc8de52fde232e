"""What a lab takes along to another engine: librechat.yaml as it stands, the users' own allowances and, where they are
asked for, the keys. Changes nothing.

Request: {"publicKey": PEM | null}. Answer: {"graduate": {"plain": compressed JSON in base64: {"librechatYaml", "own":
{email: dollars}}, "sealed": {name: the value encrypted to that key} | null}}.
"""
import base64
import json
import zlib

from lab import LAB, answer, fail, request, seal, step
from money import own_file, read

# Run Command shows 24,000 bytes.
LIMIT = 20000


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


asked = request()
try:
    env = text(f"{LAB}/.env")
    found = {"librechatYaml": text(f"{LAB}/librechat.yaml"), "own": read(own_file(), {})}
except FileNotFoundError:
    fail("host-not-set-up", "The host has no LibreChat yet.", "Its set-up did not get that far.", step("up"))
plain = base64.b64encode(zlib.compress(json.dumps(found).encode(), 9)).decode()
if len(plain) > LIMIT:
    fail("too-large", "librechat.yaml is too long for one answer.", f"Compressed it has {len(plain) // 1024} KiB.",
         "Make a backup, and use that.")
sealed = None
if asked["publicKey"] is not None:
    # The keys of the data that serves.
    generation = next((line[len("LAB_DATA="):] for line in env.splitlines() if line.startswith("LAB_DATA=")), "")
    pairs = (line.split("=", 1) for line in text(f"{LAB}/secrets/env{generation}").splitlines() if "=" in line)
    sealed = {name: seal(value, asked) for name, value in pairs}
answer({"graduate": {"plain": plain, "sealed": sealed}})
