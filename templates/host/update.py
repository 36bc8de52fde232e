"""Moves the stack to other versions of LibreChat, MongoDB and Meilisearch, or back with all data: update.py <step>.

The stack stage calls the steps in this order: `begin` (keeps everybody out, dumps the data), `migrate`, `prove`, `finish`;
`rollback` when anything between failed. Each does nothing where no version changes. `keep` remembers the stack that runs,
once the lab is open.
state/applied has the images that run and, from `begin` on, the rest of the stack before. state/update.json exists from
`begin` to `keep` or the end of rollback, so that a run after a power cut goes on where this one stopped. The proxy is
stopped meanwhile, and LibreChat from the dump until the stage starts the new version: bin/dump leaves it stopped. So
nobody has written since the dump. That run is the next command's, or the stack stage that librechat-lab-update.service
runs at the next boot, from the copy in LAB/update.
"""
import fcntl
import json
import os
import re
import shlex
import shutil
import sys
import time

from lab import CODE, INPUT, LAB, compose, fail, refuse, run, save, step

APPLIED = f"{LAB}/state/applied"
PENDING = f"{LAB}/state/update.json"
AT_BOOT = f"{LAB}/update"
# The stack's files and its state.
STACK = ["compose.yaml", "librechat.yaml", "caddy", ".env", "state/release", "state/meilisearch-volume"]
PINS = {"librechat": "LIBRECHAT_IMAGE", "mongodb": "MONGODB_IMAGE", "meilisearch": "MEILISEARCH_IMAGE"}
NAMES = {"librechat": "LibreChat", "mongodb": "MongoDB", "meilisearch": "Meilisearch"}
UP = ["up", "-d", "--pull", "never", "--wait", "--wait-timeout", "600"]


def load(path):
    """A JSON file's object; None where there is none, or no whole one."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def remember(pending):
    # What it says has been done is on the disk before it.
    os.sync()
    save(PENDING, json.dumps(pending))


def copy(source, target, names):
    """Replaces each of the names in `target` by that of `source`; what is missing there is left out."""
    for name in names:
        there, here = f"{source}/{name}", f"{target}/{name}"
        os.makedirs(os.path.dirname(here), exist_ok=True)
        if os.path.isdir(there):
            shutil.rmtree(f"{here}.new", ignore_errors=True)
            shutil.copytree(there, f"{here}.new")
            shutil.rmtree(here, ignore_errors=True)
            os.rename(f"{here}.new", here)
        elif os.path.exists(there):
            shutil.copy2(there, f"{here}.new")
            os.replace(f"{here}.new", here)


def keep():
    """The images that run, before the images stage names others."""
    copy(LAB, APPLIED, ["images"])


def reference(directory, service):
    """What was asked for: the first line of the record of the images stage."""
    try:
        with open(f"{directory}/images/{PINS[service]}", encoding="utf-8") as file:
            return file.readline().strip()
    except OSError:
        return ""


def versions(directory):
    """Each service's tag: "v0.8.8"."""
    found = {service: reference(directory, service).split("@")[0].rpartition(":")[2] for service in PINS}
    return {service: version for service, version in found.items() if version}


def order(version):
    """Sorts versions; a release candidate comes before its release, and what is no version before all."""
    found = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?(-.+)?$", version)
    return (*(int(part or 0) for part in found.groups()[:3]), not found.group(4)) if found else (0, 0, 0, False)


def words(change):
    return ", ".join(f"{NAMES[name]} {old} to {new}" for name, (old, new) in change.items())


def moves(pending):
    """The services whose version changes: {"librechat": ["v0.8.7", "v0.8.8"]}. What a finished update has moved to runs."""
    before, after = versions(APPLIED), versions(LAB)
    if pending and pending.get("finished"):
        before.update({name: new for name, (_, new) in pending["moves"].items()})
    return {name: [old, after[name]] for name, old in before.items() if after.get(name, old) != old}


def record(result, pending, detail=""):
    to = {name: new for name, (_, new) in pending["moves"].items()}
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    save(f"{LAB}/state/update-librechat.json",
         json.dumps({"at": at, "result": result, "detail": detail[:600], "to": to}))


def stopping():
    """Whether the host shuts down. Docker ends under whatever goes on, and a failure says nothing about the update."""
    return run("systemctl", "is-system-running").stdout.strip() == "stopping"


def keep_for_boot():
    """The stack stage as it is now, for a boot that finds the update interrupted."""
    if CODE == AT_BOOT:
        return
    shutil.rmtree(f"{AT_BOOT}.new", ignore_errors=True)
    shutil.copytree(CODE, f"{AT_BOOT}.new", ignore=shutil.ignore_patterns("input"))
    # What asks for a first user has a key that only its own command can open.
    shutil.copytree(INPUT, f"{AT_BOOT}.new/input", ignore=shutil.ignore_patterns("request.json"))
    shutil.rmtree(AT_BOOT, ignore_errors=True)
    os.rename(f"{AT_BOOT}.new", AT_BOOT)


def dump(*arguments, **options):
    """The program that dumps and restores; its answer, or None when it failed: then it has left the error."""
    result = run("python3", f"{CODE}/bin/dump", *arguments, **options)
    print(result.stdout, result.stderr)
    return json.loads(result.stdout.splitlines()[-1]) if result.returncode == 0 else None


def setting(name):
    with open(f"{LAB}/.env", encoding="utf-8") as file:
        found = re.search(rf"^{name}=(.*)$", file.read(), re.M)
    return found.group(1) if found else ""


def check_space():
    """A dump takes as much as the data, and so does each of the two copies that a rollback makes."""
    # What an interrupted dump has left takes the space of the next.
    dump("prune")
    measured = dump("measure")
    if measured is None:
        copy(APPLIED, LAB, ["images"])
        sys.exit(1)
    data = measured["bytes"] // 1024**2
    space = os.statvfs(LAB)
    free, wanted = space.f_bavail * space.f_frsize // 1024**2, 3 * data + 2048
    if free < wanted:
        copy(APPLIED, LAB, ["images"])
        fail("disk-full", f"The disk has {free} MiB left, and an update with {data} MiB of data needs {wanted} MiB.",
             "It dumps the data first, and a rollback needs room for two more copies. Nothing was changed.",
             step("larger-disk"))


def needed(command, code, what):
    """Ends the step when a command has failed."""
    print(command.stdout, command.stderr)
    if command.returncode != 0:
        lines = f"{command.stdout}\n{command.stderr}".strip().splitlines()
        fail(code, what, " ".join(line.strip() for line in lines[-3:])[-500:] or "It gave no reason.")


def dumped():
    """Dumps the data for a rollback, after it has closed the page; the dump's id."""
    # What goes on with an interrupted dump and indexes again, on a host that an older release has set up.
    for name, mode in (("bin/dump", 0o755), ("host/answer.cjs", 0o644)):
        target = f"{LAB}/bin/{os.path.basename(name)}"
        shutil.copy(f"{CODE}/{name}", f"{target}.new")
        os.chmod(f"{target}.new", mode)
        os.replace(f"{target}.new", target)
    os.sync()
    compose("stop", "proxy")
    # The dump records the versions whose data it holds: those that run, not those that the images stage has fetched.
    made = dump("make", "update", env={**os.environ, "IMAGES": f"{APPLIED}/images"})
    if stopping():
        sys.exit("the host shuts down: the next boot goes on")
    if made is None:
        sys.exit(1)
    return made["dump"]["id"]


def reopen():
    """Ends an update without a dump, which has only stopped services. If they don't start, the next boot tries again."""
    with open(f"{LAB}/state/dump.lock", "a", encoding="utf-8") as lock:
        # Where this update was killed alone, its dump goes on.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if compose("start", "librechat", "proxy").returncode == 0:
            os.remove(PENDING)


def begin():
    pending = load(PENDING)
    if pending and "dump" not in pending:
        # Where no dump follows, `rollback` or `keep` reopens.
        pending = None
    change = moves(pending)
    done = pending and pending.get("finished")
    if pending and not done and (pending.get("reason") or not change):
        pending.setdefault("reason", "The version before was asked for again.")
        return rollback(pending)
    if not change:
        return None
    older = {name: pair for name, pair in change.items() if order(pair[1]) < order(pair[0])}
    if older:
        copy(APPLIED, LAB, ["images"])
        refuse("older-version", f"This librechat-lab would take {words(older)}.",
               "Older versions can't read what newer ones have written. Nothing was changed.",
               "Run the newest version: npx librechat-lab@latest")
    if pending is None or done:
        print("dumping the data:", words(change))
        check_space()
        if done:
            record("updated", pending, words(pending["moves"]))
        copy(LAB, APPLIED, STACK)
        keep_for_boot()
        remember({"moves": change})
        pending = {"dump": dumped()}
    else:
        keep_for_boot()
    if os.path.exists(f"{LAB}/state/held"):
        os.remove(f"{LAB}/state/held")
    pending["moves"] = change
    remember(pending)
    compose("stop", "librechat")
    return None


def migrate(pending):
    pending["touched"] = True
    remember(pending)
    needed(compose(*UP, "mongodb", "meilisearch"), "update-failed", "The databases did not become healthy.")
    old, new = pending["moves"].get("librechat", ["", ""])
    for migration in load(f"{CODE}/migrations.json"):
        if not order(old) < order(migration["below"]) <= order(new):
            continue
        for command in (migration["dryRun"], migration["command"]):
            print("migration:", *command)
            needed(compose("run", "--rm", "-T", "--no-deps", "-w", "/app", "librechat", *command),
                   "migration-failed", f"The migration of {migration['name']} failed: {' '.join(command)}.")


def answering(proof):
    return [one for one in (proof or {}).get("chat", []) if one.get("ok")]


def prove(_):
    """A lab in which models answered has to answer again; where none did, the update is not to blame."""
    script, kept = f"{INPUT}/proof.sh", "/var/lib/librechat-lab/proof.json"
    if not os.path.exists(script) or not answering(load(os.environ.get("PROOF", kept))):
        return
    result = run("bash", script)
    lines = [line for line in result.stdout.splitlines() if line.startswith("{")]
    proof = json.loads(lines[-1]) if lines else {}
    if not answering(proof):
        errors = [one.get("error", "") for one in proof.get("chat", [])]
        fail("chat-lost", "No model answers any more.", (errors or [result.stderr[-300:]])[0])


def major(version):
    return order(version)[:2]


def finish(pending):
    old, new = pending["moves"].get("mongodb", ["", ""])
    if major(old) != major(new):
        feature = "{}.{}".format(*major(new))
        command = f'quit(db.adminCommand({{setFeatureCompatibilityVersion: "{feature}", confirm: true}}).ok ? 0 : 1)'
        needed(compose("exec", "-T", "mongodb", "mongosh", "--quiet", "--eval", command),
               "update-failed", f"MongoDB did not take the features of {feature}.")
    pending["finished"] = True
    remember(pending)
    keep()


def finished(pending):
    """Once the lab is open again: until then a boot runs the stage again."""
    keep()
    record("updated", pending, words(pending["moves"]))
    os.remove(PENDING)


def hold(pending):
    """The pins that failed mean the versions before, until `update` tries them again. Read by common.sh."""
    lines = []
    for name, failed in pending["failed"].items():
        pin, back = PINS[name], f"{PINS[name]}={shlex.quote(reference(LAB, name))}"
        if name == "meilisearch":
            back += f" MEILISEARCH_VOLUME={shlex.quote(setting('MEILISEARCH_VOLUME'))}"
        lines.append(f'if [ "${pin}" = {shlex.quote(failed)} ]; then {back}; fi')
    save(f"{LAB}/state/held", "\n".join(lines) + "\n")


def rollback(pending):
    error = load(f"{LAB}/state/error.json") or {}
    pending.setdefault("reason", f"{error.get('what', '')} {error.get('why', '')}".strip() or "The log says more.")
    pending.setdefault("failed", {name: reference(LAB, name) for name in pending["moves"]})
    remember(pending)
    print("rolling back:", pending["reason"])
    compose("stop", "proxy", "librechat")
    if not (put_back(pending) and compose(*UP, "librechat").returncode == 0
            and compose(*UP, "--remove-orphans").returncode == 0):
        fail("rollback-failed", f"The update failed, and so did its rollback ({words(pending['moves'])}).",
             f"{pending['reason']} The data from before is in the host's dump {pending['dump']}.",
             "Run the command again: it goes on with the rollback.")
    hold(pending)
    record("rolled-back", pending, pending["reason"])
    if (load(f"{LAB}/state/interrupted.json") or {}).get("stage") == "stack":
        os.remove(f"{LAB}/state/interrupted.json")
    os.remove(PENDING)
    before = " and ".join(f"{NAMES[name]} {old}" for name, (old, _) in pending["moves"].items())
    fail("update-rolled-back", f"The update was rolled back: {words(pending['moves'])}.",
         f"{pending['reason']} The lab runs {before} again, with its data from before.",
         "Fix the cause first.", step("update"))


def put_back(pending):
    """Stack, images and, where the new versions have had it, the data; whether it worked."""
    if pending.get("restored"):
        return True
    copy(APPLIED, LAB, ["images"])
    if not pending.get("back"):
        # Only once: a restore that is interrupted may have written .env for other volumes and removed the ones before.
        put_back_stack(pending)
        pending["back"] = True
        remember(pending)
    if compose(*UP, "mongodb", "meilisearch").returncode != 0:
        return False
    if pending.get("touched") and dump("restore", pending["dump"]) is None:
        return False
    pending["restored"] = True
    remember(pending)
    return True


def put_back_stack(pending):
    old, new = pending["moves"].get("mongodb", ["", ""])
    if pending.get("touched") and major(old) != major(new):
        # No older MongoDB starts on a newer one's files: https://www.mongodb.com/docs/manual/release-notes/8.0-downgrade/
        compose("rm", "-sf", "mongodb")
        run("docker", "volume", "rm", "-f", f"librechat-lab_mongodb{setting('LAB_DATA')}")
    copy(APPLIED, LAB, STACK)
    with open(f"{LAB}/compose.yaml", encoding="utf-8") as file:
        if "LAB_DATA" not in file.read():
            # Of a release that knew no restored data.
            shutil.copy(f"{CODE}/compose.yaml", f"{LAB}/compose.yaml")


def main(name):
    if name == "begin":
        return begin()
    pending = load(PENDING)
    if pending is None:
        return keep() if name == "keep" else None
    if pending.get("finished"):
        return finished(pending) if name == "keep" else None
    if stopping():
        sys.exit("the host shuts down: the next boot goes on")
    if "dump" not in pending:
        if name == "rollback":
            copy(APPLIED, LAB, ["images"])
        return reopen() if name in ("rollback", "keep") else None
    steps = {"migrate": migrate, "prove": prove, "finish": finish, "rollback": rollback}
    return steps[name](pending) if name in steps else None


if __name__ == "__main__":
    main(sys.argv[1])
