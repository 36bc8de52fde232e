"""LibreChat's users, through LibreChat's own scripts in its container.

Request: {"action": "add" | "list" | "remove" | "reset-password", "email", "name", "password": {"key", "sealed"} | null,
"publicKey": PEM}. Answer: {"user": {"email", "sealed"?}} or {"users": [[email, name, created]]}.
"""
import contextlib
import fcntl
import hashlib
import json
import os
import re
import sys

from lab import CODE, INPUT, LAB, answer, compose, fail, forget_key, password_of, refuse, request, run, seal, step

LIBRECHAT_DOWN = step("see-status")
# That LibreChat has no users: the stage stack looks while LibreChat starts, because each of its scripts takes seconds.
NO_USERS = f"{INPUT}/no-users"
# Both are bin/dump's, whose `recover` starts LibreChat if it was left stopped.
STOPPED = f"{LAB}/state/librechat-stopped"
SAFETY = "librechat-lab-recover-later"


def script(*arguments, answers=(), container=("exec", "-T", "librechat")):
    """Runs config/<script> in LibreChat's container; `answers` are pairs of a prompt and an answer."""
    with open(f"{CODE}/host/answer.cjs", encoding="utf-8") as file:
        program = file.read()
    return compose(*container, "node", "-e", program, *arguments, input=json.dumps([list(pair) for pair in answers]))


# What is in a script's output beside its own words: LibreChat's log, Node's warnings and where an error was thrown,
# rules, and questions.
NOISE = re.compile(
    r"\d{4}-\d\d-\d\d[T ]|\(node:|\(Use `node|at |throw |\^|\S+:\d+$|Node\.js v|[-=*]+$|There was an uncaught error"
    r"|.*([([] ?y(es)? ?/ ?no? ?[)\]]|:|leave blank.*)$", re.I
)
REASON = re.compile(r"error|not |n't|fail|already|must|invalid|abort|refus|denied|cannot|nobody can answer", re.I)


def said(result):
    """A script's own error: the last line of its output that looks like one, or else its last line."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", f"{result.stdout}\n{result.stderr}")
    # A prompt and the text after it are one line, because answers are not echoed.
    lines = [re.sub(r"^(> ?)+", "", line.strip()) for line in text.splitlines()]
    lines = [line for line in lines if line and not NOISE.match(line)]
    reasons = [line for line in lines if REASON.search(line)] or lines
    return " ".join(reasons[-2:])[-500:] or f"It ended with code {result.returncode} and gave no reason."


def users():
    """Email, name and day of creation of each user."""
    result = script("config/list-users.js")
    if result.returncode != 0:
        fail("librechat-unreachable", "LibreChat could not list its users.", said(result), LIBRECHAT_DOWN)
    found = []
    for block in re.split(r"^ID: ", result.stdout, flags=re.M)[1:]:
        field = {key: value for key, value in re.findall(r"^(Email|Name|Created): (.*)$", block, re.M)}
        found.append([field.get("Email", ""), field.get("Name", ""), field.get("Created", "")])
    return found


def named(email, there):
    return any(user[0].lower() == email.lower() for user in there)


def known(email):
    return named(email, users())


def add(asked):
    email = asked["email"]
    there = [] if os.path.exists(NO_USERS) else users()
    if asked.get("first") and there:
        # An earlier run created the first user, so there is nothing to do.
        return answer({"user": {"email": email, "made": False}})
    if named(email, there):
        refuse("user-exists", f"The user {email} already exists.", "Nothing was changed.",
               step("reset-password", email=email))
    password, made = password_of(asked)
    # LibreChat requires unique user names, including the empty one, and refuses some characters.
    plain = re.fullmatch(r"[A-Za-z0-9._@+-]{2,80}", email) and "--" not in email
    username = email if plain else f"user-{hashlib.sha256(email.lower().encode()).hexdigest()[:16]}"
    result = script("config/create-user.js", email, asked["name"], username, "--email-verified=true",
                    answers=[("Password:", password)])
    # The script itself looks whether the user is there before it says so; other words are no proof.
    if result.returncode != 0 or not ("created successfully" in result.stdout or known(email)):
        fail("user-refused", f"LibreChat did not create the user {email}.", said(result))
    return answer({"user": {"email": email, "made": True, **({"sealed": seal(password, asked)} if made else {})}})


def reset_password(asked):
    email = asked["email"]
    exact = next((user[0] for user in users() if user[0].lower() == email.lower()), None)
    if exact is None:
        refuse("user-unknown", f"There is no user {email}.", "Nothing was changed.",
               step("list-users"))
    password, made = password_of(asked)
    result = script("config/reset-password.js", answers=[
        ("Enter user email:", exact), ("Enter new password:", password), ("Confirm new password:", password),
    ])
    if result.returncode != 0 or "successfully reset" not in result.stdout:
        fail("user-refused", f"LibreChat did not set the password of {email}.", said(result))
    return answer({"user": {"email": exact, **({"sealed": seal(password, asked)} if made else {})}})


def sync(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def without_librechat():
    """Stops LibreChat for a block and always starts it again: as bin/dump does, by its mark, its lock and `recover`, which a
    timer runs when this program is killed, and the unit librechat-lab-recover after a power cut."""
    recover = next(path for path in (f"{LAB}/bin/dump", f"{CODE}/bin/dump") if os.path.exists(path))
    with open(f"{LAB}/state/dump.lock", "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(STOPPED, "w", encoding="utf-8") as mark:
            mark.write("user remove")
            mark.flush()
            os.fsync(mark.fileno())
        sync(os.path.dirname(STOPPED))
        run("systemctl", "stop", f"{SAFETY}.timer")
        run("systemd-run", "--quiet", "--collect", f"--unit={SAFETY}", "--on-active=2min", "--on-unit-active=2min",
            recover, "recover")
        compose("stop", "librechat")
        try:
            yield
        finally:
            started = compose("up", "-d", "--pull", "never", "--wait", "--wait-timeout", "600", "librechat")
            print(started.stderr)
            if started.returncode == 0:
                os.remove(STOPPED)
                run("systemctl", "stop", f"{SAFETY}.timer")
    if started.returncode != 0:
        fail("librechat-unreachable", "LibreChat did not start again.", started.stderr.strip()[-500:], LIBRECHAT_DOWN)


def remove(asked):
    """LibreChat's script requires that LibreChat is stopped, which takes half a minute."""
    email = asked["email"]
    if not known(email):
        refuse("user-unknown", f"There is no user {email}.", "Nothing was changed.",
               step("list-users"))
    with without_librechat():
        result = script("config/delete-user.js", email, "-y", "-y",
                        container=("run", "--rm", "-T", "--no-deps", "librechat"))
    if result.returncode != 0 or known(email):
        fail("user-refused", f"LibreChat did not remove the user {email}.", said(result))
    return answer({"user": {"email": email}})


def look():
    """Leaves NO_USERS if LibreChat says that it has none. Anything else is for `add` to find out."""
    result = script("config/list-users.js")
    if result.returncode == 0 and re.search(r"^Total Users: 0$", result.stdout, re.M):
        open(NO_USERS, "w", encoding="utf-8").close()


if sys.argv[1:] == ["look"]:
    look()
    sys.exit()
asked = request()
actions = {
    "add": add,
    "list": lambda _: answer({"users": users()}),
    "remove": remove,
    "reset-password": reset_password,
}
try:
    actions[asked["action"]](asked)
finally:
    forget_key(asked)
