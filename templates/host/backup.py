"""Backups, for the command line: makes a dump and offers it, takes one in, restores, lists, uploads one to S3.

Request: {"action": "make", "publicKey": PEM, "settings"} | {"action": "receive", "publicKey": PEM, "id", "files"} |
{"action": "restore", "id", "received", "transfer"} | {"action": "done", "id", "transfer"} | {"action": "list"} |
{"action": "pack", "publicKey", "settings", "key": PEM, "readme", "header", "to"} | {"action": "upload", "id", "signature", "to"},
where "to" is {"bucket", "key", "region", "suffix", "account"}.
What moves to or from the command line goes through transfer.py, never through here. "transfer" is the id of the
transfer that "make" or "receive" has begun.
"""
import base64
import contextlib
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tarfile
import time

import s3
from cms import PART, encrypted
from lab import CODE, LAB, answer, fail, refuse, request, run, seal, step

RUN = os.environ["RUN"]
ROOM = f"{RUN}/transfer"
DUMPS = os.environ.get("DUMPS", "/var/lib/librechat-lab/dumps")
# Beside the dumps, which have their own clean-up.
INCOMING = f"{os.path.dirname(DUMPS)}/incoming"
UNIT = "librechat-lab-transfer"
# What an interrupted upload has left in S3.
LEFT = f"{LAB}/state/s3-upload.json"
# Seconds without a request or a byte, after which a transfer counts as one whose command has ended.
SILENT = float(os.environ.get("TRANSFER_SILENT", "20"))
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


def read(name):
    """What a file of the transfer says; "" if there is none."""
    try:
        with open(f"{ROOM}/{name}", encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def room():
    """Ends what a dead transfer has left, before the space is judged. Refuses while another one is alive."""
    if run("systemctl", "is-active", f"{UNIT}.service").returncode == 0:
        silent = time.monotonic() - float(read("asked") or "-inf")
        if silent < SILENT:
            refuse("transfer-busy", "Another backup or restore of this lab is being transferred.",
                   f"It moved data {round(silent)} seconds ago. Nothing was changed.",
                   "Wait until it has finished, then run the same command again.")
    close()
    os.makedirs(ROOM, mode=0o700)


def close():
    run("systemctl", "stop", f"{UNIT}.service")
    shutil.rmtree(ROOM, ignore_errors=True)
    shutil.rmtree(INCOMING, ignore_errors=True)


def is_own(asked):
    return asked.get("transfer", "") == read("id") != ""


def serve(directory, asked):
    """Starts transfer.py as a systemd unit, which ends when it is idle. Returns its id, port and token."""
    token, transfer = secrets.token_urlsafe(24), secrets.token_hex(8)
    for name, text in (("token", token), ("id", transfer)):
        with open(f"{ROOM}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    must("systemd-run", "--quiet", "--collect", f"--unit={UNIT}", "--property=MemoryMax=256M",
         "--property=Before=librechat-lab-finish.service", f"--setenv=RUN={RUN}",
         "python3", f"{CODE}/host/transfer.py", directory)
    for _ in range(100):
        if os.path.exists(f"{ROOM}/port"):
            return {"transfer": transfer, "port": int(read("port")), "token": seal(token, asked)}
        time.sleep(0.1)
    return fail("transfer-failed", "The host's transfer program did not start.",
                run("journalctl", "-u", UNIT, "-n", "5", "--no-pager", "-o", "cat").stdout.strip()[-500:],
                "Run the command again.")


def certify(public):
    """cert.pem for the key that encrypts: openssl wants a certificate, and any other key may have signed it."""
    with open(f"{ROOM}/public.pem", "w", encoding="utf-8") as file:
        file.write(public)
    must("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{ROOM}/signer.pem")
    must("openssl", "x509", "-new", "-subj", "/CN=librechat-lab backup", "-days", "3650", "-force_pubkey",
         f"{ROOM}/public.pem", "-signkey", f"{ROOM}/signer.pem", "-out", f"{ROOM}/cert.pem")
    os.remove(f"{ROOM}/signer.pem")


def make(asked):
    room()
    certify(asked["publicKey"])
    made = dump("make", "backup", DUMP_SETTINGS=asked["settings"])["dump"]
    directory = f"{DUMPS}/{made['id']}"
    files = {name: os.path.getsize(f"{directory}/{name}") for name in FILES}
    answer({"backup": {**made, "files": files, **serve(directory, asked)}})


@contextlib.contextmanager
def explained(to):
    """S3's refusals, for the person who named the bucket."""
    url = f"s3://{to['bucket']}/{to['key']}"
    try:
        yield
    except s3.Unreachable as error:
        fail("s3-unreachable", "S3 did not answer the host.", f"{error}. {remains()}", "Run the same command again.")
    except s3.Refused as refused:
        said = f"S3 answered {refused}."
        if refused.code == "NoSuchBucket":
            refuse("no-such-bucket", f"There is no bucket {to['bucket']}.", said, "Create the bucket, or name another one.")
        if refused.code == "PreconditionFailed":
            refuse("object-exists", f"{url} exists already.", "A backup never replaces an object.",
                   "Run the same command again: the name has the time in it.")
        if refused.code == "AccessDenied":
            refuse("s3-denied", f"The host may not write {url}.",
                   f"{said} The bucket belongs to another account than {to['account']}, or its policy, the role's "
                   f"permissions boundary or the organization's policies deny it. {remains()}",
                   "Use a bucket of the lab's account, or let an administrator look at these policies.")
        fail("s3-refused", f"S3 refused the backup {url}.", f"{said} {remains()}", "Run the same command again.")


def remains():
    if os.path.exists(LEFT):
        return "The parts that were uploaded are still in S3 and billed. The next backup to the same prefix aborts them."
    return "Nothing is left in S3."


def place_of(to):
    return s3.Place(to["bucket"], to["key"], to["region"], to["suffix"], to["account"])


def pack(asked):
    """A dump as the file that is uploaded, encrypted; all that can be refused is refused before LibreChat stops."""
    to = asked["to"]
    with explained(to):
        tell("asking S3 whether the bucket takes it")
        left = s3.abort_left(LEFT, to["suffix"], to["account"])
        place_of(to).check(LEFT)
    tell("dumping the data")
    room()
    certify(asked["publicKey"])
    made = dump("make", "backup", DUMP_SETTINGS=asked["settings"])["dump"]
    # Packing deletes its files. A folder with this ending is no dump, and is deleted before the next one is made.
    directory = f"{DUMPS}/{made['id']}.part"
    os.rename(f"{DUMPS}/{made['id']}", directory)
    files = {name: os.path.getsize(f"{directory}/{name}") for name in FILES}
    header = {**asked["header"], "id": made["id"], "files": files}
    tell("encrypting the dump")
    try:
        index = packed_in(directory, asked, header)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    answer({"packed": {**made, "files": files, "index": index, "left": left}})


def packed_in(directory, asked, header):
    """Makes backup.tar of a dump's files, without the signature. The SHA-256 of its index, which is to be signed."""
    digests = {}
    with tarfile.open(f"{directory}/backup.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, text in (("README.txt", asked["readme"]), ("backup.json", json.dumps(header, indent=1) + "\n"),
                           ("key.pem", asked["key"])):
            add(tar, name, text.encode(), digests)
        for name in FILES:
            encrypt(tar, directory, name, digests)
        index = (json.dumps(digests, indent=1) + "\n").encode()
        add(tar, "index.json", index, {})
    return hashlib.sha256(index).hexdigest()


def add(tar, name, data, digests):
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o600
    tar.addfile(info, io.BytesIO(data))
    digests[name] = hashlib.sha256(data).hexdigest()


def encrypt(tar, directory, name, digests):
    """Moves a file into the archive, from its last part to its first, so that the disk holds it only once."""
    path = f"{directory}/{name}"
    with open(path, "r+b") as file:
        for number in reversed(range(max(1, -(-os.path.getsize(path) // PART)))):
            try:
                sealed = encrypted(file, number, f"{ROOM}/cert.pem")
            except subprocess.CalledProcessError as error:
                fail("step-failed", "Encrypting the dump failed.", error.stderr.decode(errors="replace").strip()[-500:])
            add(tar, f"{name}.{number:06}.cms", sealed, digests)
            file.truncate(number * PART)
    os.remove(path)


def upload(asked):
    """Uploads the packed dump with the signature of its index to S3. Deletes the dump, also after a failure."""
    to, directory = asked["to"], f"{DUMPS}/{asked['id']}.part"
    packed = f"{directory}/backup.tar"
    if not re.fullmatch(r"[0-9]{8}T[0-9]{6}Z-backup", asked["id"]) or not os.path.exists(packed):
        fail("transfer-failed", "The host no longer has the dump.", "Another dump was made meanwhile.",
             "Run the same command again.")
    # An end that is asked for aborts it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with tarfile.open(packed, "a", format=tarfile.USTAR_FORMAT) as tar:
            add(tar, "index.sig", base64.b64decode(asked["signature"]), {})
        with explained(to):
            answer({"uploaded": s3.upload(packed, place_of(to), LEFT, moved)})
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def moved(done, size):
    tell(f"{done // 1024**2} of {size // 1024**2} MiB")


def tell(words):
    """What it is doing, for a command line that waits."""
    with open(f"{LAB}/state/step.new", "w", encoding="utf-8") as file:
        file.write(f"{words}\n")
    os.replace(f"{LAB}/state/step.new", f"{LAB}/state/step")


def receive(asked):
    no_update()
    sizes = asked["files"]
    if not re.fullmatch(r"[0-9]{8}T[0-9]{6}Z-[a-z][a-z0-9-]{0,29}", asked["id"]) or sorted(sizes) != sorted(FILES):
        refuse("backup-foreign", "This file is no backup of a lab.", "Nothing was changed.")
    # What an interrupted backup or transfer has left takes the space of this one.
    dump("prune")
    room()
    # It, the dump of the present data, and the new volumes; how much the database unpacks to is known later.
    space = os.statvfs(os.path.dirname(DUMPS))
    free, needed = space.f_bavail * space.f_frsize, 2 * sum(sizes.values()) + dump("measure")["bytes"] + 1024**3
    if free < needed:
        refuse("disk-full", f"The disk has {free // 1024**2} MiB left, and a restore needs {needed // 1024**2} MiB.",
               "The present data is dumped first, and the restored data is written beside it. Nothing was changed.",
               step("larger-disk"))
    incoming = f"{INCOMING}/{asked['id']}"
    os.makedirs(incoming, mode=0o700)
    must("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072", "-out", f"{ROOM}/key.pem")
    public = must("openssl", "pkey", "-in", f"{ROOM}/key.pem", "-pubout")
    answer({"receive": {"publicKey": public, **serve(incoming, asked)}})


def no_update():
    """Refuses while an update is to be continued: its rollback would replace what is restored."""
    if os.path.exists(f"{LAB}/state/update.json"):
        refuse("update-pending", "An update of LibreChat was interrupted on this host.",
               "The host continues it, and a rollback would replace the restored data. Nothing was changed.",
               step("update"))


def restore(asked):
    """A dump of this host, or a received one: its digests prove that it is complete."""
    no_update()
    name = asked["id"]
    if not asked.get("received"):
        answer(dump("restore", name))
        return
    if not is_own(asked) or not re.fullmatch(r"[0-9A-Za-z-]+", name) or not os.path.isdir(f"{INCOMING}/{name}"):
        fail("transfer-failed", "The host no longer has the backup that was sent.",
             "It restarted, had no request for 15 minutes, or another transfer took its place.",
             "Run the command again.")
    run("systemctl", "stop", f"{UNIT}.service")
    try:
        answer(dump("restore", name, DUMP_FROM=INCOMING))
    finally:
        # It is no dump of this host, whatever came of it; after a power cut, the next dump deletes it.
        shutil.rmtree(INCOMING, ignore_errors=True)


def done(asked):
    """The backup is in its file, or failed: ends its transfer, and deletes the dump that it was made from."""
    if is_own(asked):
        close()
    if re.fullmatch(r"[0-9]{8}T[0-9]{6}Z-backup", asked["id"]):
        shutil.rmtree(f"{DUMPS}/{asked['id']}", ignore_errors=True)
    answer({"done": asked["id"]})


wanted = request()
{"make": make, "receive": receive, "restore": restore, "done": done, "list": lambda _: answer(dump("list")),
 "pack": pack, "upload": upload}[wanted["action"]](wanted)
