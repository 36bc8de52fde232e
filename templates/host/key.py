"""A key for one password that a user gives: what is encrypted to it can be read here alone, and once.

Answer: {"key": {"id", "publicKey": PEM}}. 4096 bits take up to 446 bytes; the longest password has 384.
"""
import secrets

from lab import KEYS, answer, fail, run

name = secrets.token_hex(12)
made = run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096", "-out", f"{KEYS}/{name}")
public = run("openssl", "pkey", "-in", f"{KEYS}/{name}", "-pubout")
if made.returncode != 0 or public.returncode != 0:
    fail("password-key", "The host could not create a key for your password.",
         (made.stderr + public.stderr).strip()[-500:], "Run the command again.")
answer({"key": {"id": name, "publicKey": public.stdout}})
