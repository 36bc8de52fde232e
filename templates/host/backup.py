"""Backups, for the command line: makes a dump and offers it, takes one in, restores, lists.

Request: {"action": "make", "publicKey": PEM, "settings"} | {"action": "receive", "publicKey": PEM, "id", "files"} |
{"action": "restore", "id", "received"} | {"action": "done", "id"} | {"action": "list"}.
What moves goes through transfer.py, never through here.
"""
import json
import os
import re
import secrets
import shutil
import subprocess
import time

from lab import CODE, answer, fail, refuse, request, run, seal, step

RUN = os.environ["RUN"]
ROOM = f"{RUN}/transfer"
DUMPS = os.environ.get("DUMPS", "/var/lib/librechat-lab/dumps")
# Beside the dumps, which have their own clean-up.
INCOMING = f"{os.path.dirname(DUMPS)}/incoming"
UNIT = "librechat-lab-transfer"
FILES = ["mongodb.archive.gz", "files.tar", "secrets.env", "allowances.json", "settings.json", "manifest.json"]


def dump(*arguments, **environment):
    """bin/dump's answer. It writes its own error for run.sh."""
    result = subprocess.run(["python3", f"{CODE}/bin/dump", *arguments], env={**os.environ, **environment},
                            stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode != 0:
        print(result.stdout)
        raise SystemExit(result.returncode)
    return json.loads(result.stdout.strip().split("\n")[-1])


def must(*command, **options):
    result = run(*command, **options)
    if result.returncode != 0:
        fail("transfer-failed", "The host could not prepare the transfer.", result.stderr.strip()[-500:],
             "Run the command again.")
    return result.stdout


def room():
    run("systemctl", "stop", f"{UNIT}.service")
    shutil.rmtree(ROOM, ignore_errors=True)
    shutil.rmtree(INCOMING, ignore_errors=True)
    os.makedirs(ROOM, mode=0o700)


def serve(directory, asked):
    """Starts transfer.py as a systemd unit, which ends when it is idle. Returns its port and token."""
    token = secrets.token_urlsafe(24)
    with open(f"{ROOM}/token", "w", encoding="utf-8") as file:
        file.write(token)
    must("systemd-run", "--quiet", "--collect", f"--unit={UNIT}", "--property=MemoryMax=256M",
         "--property=Before=librechat-lab-finish.service", f"--setenv=RUN={RUN}",
         "python3", f"{CODE}/host/transfer.py", directory)
    for _ in range(100):
        if os.path.exists(f"{ROOM}/port"):
            with open(f"{ROOM}/port", encoding="utf-8") as file:
                return {"port": int(file.read()), "token": seal(token, asked)}
        time.sleep(0.1)
    return fail("transfer-failed", "The host's transfer program did not start.",
                run("journalctl", "-u", UNIT, "-n", "5", "--no-pager", "-o", "cat").stdout.strip()[-500:],
                "Run the command again.")


def make(asked):
    made = dump("make", "backup", DUMP_SETTINGS=asked["settings"])["dump"]
    directory = f"{DUMPS}/{made['id']}"
    room()
    # openssl encrypts to a certificate, and the key alone counts in it: any other key may have signed it.
    with open(f"{ROOM}/public.pem", "w", encoding="utf-8") as file:
        file.write(asked["publicKey"])
    must("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{ROOM}/signer.pem")
    must("openssl", "x509", "-new", "-subj", "/CN=librechat-lab backup", "-days", "3650", "-force_pubkey",
         f"{ROOM}/public.pem", "-signkey", f"{ROOM}/signer.pem", "-out", f"{ROOM}/cert.pem")
    os.remove(f"{ROOM}/signer.pem")
    files = {name: os.path.getsize(f"{directory}/{name}") for name in FILES}
    answer({"backup": {**made, "files": files, **serve(directory, asked)}})


def receive(asked):
    sizes = asked["files"]
    if not re.fullmatch(r"[0-9]{8}T[0-9]{6}Z-[a-z][a-z0-9-]{0,29}", asked["id"]) or sorted(sizes) != sorted(FILES):
        refuse("backup-foreign", "This file is no backup of a lab.", "Nothing was changed.")
    space = os.statvfs("/var/lib")
    free, needed = space.f_bavail * space.f_frsize, sum(sizes.values()) + 1024**3
    if free < needed:
        refuse("disk-full", f"The disk has {free // 1024**2} MiB left, and the backup needs {needed // 1024**2} MiB.",
               "Nothing was changed.", step("larger-disk"))
    room()
    incoming = f"{INCOMING}/{asked['id']}"
    os.makedirs(incoming, mode=0o700)
    must("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072", "-out", f"{ROOM}/key.pem")
    public = must("openssl", "pkey", "-in", f"{ROOM}/key.pem", "-pubout")
    answer({"receive": {"publicKey": public, **serve(incoming, asked)}})


def restore(asked):
    """A dump of this host, or a received one: its digests prove that it is complete."""
    name = asked["id"]
    if asked.get("received"):
        run("systemctl", "stop", f"{UNIT}.service")
        if not re.fullmatch(r"[0-9A-Za-z-]+", name) or not os.path.isdir(f"{INCOMING}/{name}"):
            fail("transfer-failed", "The host no longer has the backup that was sent.", "It restarted meanwhile.",
                 "Run the command again.")
        shutil.rmtree(f"{DUMPS}/{name}", ignore_errors=True)
        os.makedirs(DUMPS, mode=0o700, exist_ok=True)
        os.rename(f"{INCOMING}/{name}", f"{DUMPS}/{name}")
    result = dump("restore", name)
    if asked.get("received"):
        shutil.rmtree(f"{DUMPS}/{name}", ignore_errors=True)
    answer(result)


def done(asked):
    """The backup is in its file: deletes the dump that it was made from."""
    room()
    if re.fullmatch(r"[0-9]{8}T[0-9]{6}Z-backup", asked["id"]):
        shutil.rmtree(f"{DUMPS}/{asked['id']}", ignore_errors=True)
    answer({"done": asked["id"]})


wanted = request()
{"make": make, "receive": receive, "restore": restore, "done": done, "list": lambda _: answer(dump("list"))}[
    wanted["action"]
](wanted)
