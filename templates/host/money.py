"""What the models may cost. `money.py tick`, which a timer runs every few minutes, sums what this month has cost so
far, stops new messages and scheduled chats at the lab's limit, and gives each user their allowance when a month begins.

LAB/.env has LAB_ALLOWANCE and LAB_LIMIT in dollars, or not. LAB/state/allowances.json has the users whose allowance is
their own: {email: dollars}; after a restore (bin/dump) its name has the generation of the data, LAB_DATA. LAB/state/money.json is what the last tick found, for health.py.
"""
import calendar
import fcntl
import json
import os
import re
import sys
import time

from lab import CODE, LAB, run

DATABASE = "librechat-lab-mongodb-1"
STATE = f"{LAB}/state/money.json"
# Caddy checks for this file with each message, and answers with its contents.
STOPPED = f"{LAB}/caddy/limit/stopped.txt"
CREDITS = 1000000
HOUR = 3600
# Ids are created a moment before their transactions are stored.
SETTLED = 120


def ask(script, asked):
    """The output of a script of this folder for `asked`; None if the database does not answer."""
    text = f"const asked = {json.dumps(asked)};\n"
    for name in ("spending.js", script):
        with open(f"{CODE}/host/{name}", encoding="utf-8") as file:
            text += file.read()
    # Standard input would start a session with prompts; an argument is not read by a shell.
    result = run("docker", "exec", DATABASE, "mongosh", "--quiet", "--norc", "--eval", text)
    lines = [line for line in result.stdout.splitlines() if line.startswith("{")]
    if result.returncode != 0 or not lines:
        print(f"mongosh ended with {result.returncode}: {result.stderr.strip()[-500:]}")
        return None
    return json.loads(lines[-1])


def setting(name):
    """A setting in dollars; None where there is none."""
    with open(f"{LAB}/.env", encoding="utf-8") as file:
        found = re.search(rf"^{name}=([0-9.]+)$", file.read(), re.M)
    return float(found.group(1)) if found else None


def data():
    """The generation of the data in use; it changes with a restore (bin/dump)."""
    with open(f"{LAB}/.env", encoding="utf-8") as file:
        found = re.search(r"^LAB_DATA=(.*)$", file.read(), re.M)
    return found.group(1) if found else ""


def own_file():
    """Users' own allowances, of the data in use."""
    return f"{LAB}/state/allowances{data()}.json"


def read(path):
    """A file's JSON object; an empty one where there is none, or a damaged one."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(path, text, mode=0o600):
    """A reader sees the old file or the new one."""
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(f"{path}.new", mode)
    os.replace(f"{path}.new", path)


def month_of(now):
    """Its name, its first second and the next one's; in UTC."""
    year, month = time.gmtime(now)[:2]
    following = (year + 1, 1) if month == 12 else (year, month + 1)
    return f"{year}-{month:02}", calendar.timegm((year, month, 1, 0, 0, 0)), calendar.timegm((*following, 1, 0, 0, 0))


def span(begin, end):
    return [int(begin * 1000), int(end * 1000)]


def allowances(usual, only=None, set_them=True):
    return {"default": usual * CREDITS, "own": {email: usd * CREDITS for email, usd in read(own_file()).items()},
            "only": only, "set": set_them}


def locked():
    """One at a time: until the file that this returns is closed."""
    lock = open(f"{LAB}/state/money.lock", "w", encoding="utf-8")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def warning(hours, now):
    """The cost of the last hour, if it is more than ten times an hour's average in the week before."""
    recent = sum(usd for at, usd in hours.items() if int(at) > now - 2 * HOUR) / 2
    before = [usd for at, usd in hours.items() if int(at) <= now - 2 * HOUR]
    usual = sum(before) / (7 * 24)
    if recent < 1 or not before or recent <= 10 * usual:
        return None
    return f"The models cost ${recent:.2f} an hour now. The usual hour of the last week cost ${usual:.2f}."


def stop(month, limit, usd, end):
    until = time.strftime("%Y-%m-%d", time.gmtime(end))
    return (f"This lab has spent ${usd:.2f} on models in {month}. Its limit is ${limit:.2f} a month, so new messages"
            f" are stopped until {until} (UTC). Conversations are kept. To lift the limit, the lab's owner runs:"
            " librechat-lab up --limit <dollars>\n")


def tick(now):
    month, begin, end = month_of(now)
    usual, limit = setting("LAB_ALLOWANCE"), setting("LAB_LIMIT")
    state = {"usd": 0, "until": 0, "settled": 0, **read(STATE)}
    # Older transactions are summed once; only newer ones are queried. A clock that was ahead has summed too far.
    known = state.get("month") == month and begin <= state["until"] <= now
    until, settled = (state["until"], state["settled"]) if known else (begin, 0)
    # Restored data holds what had been spent when it was dumped. All of it is summed again, and what this month has cost
    # beyond that stays counted, for it is spent: a restore lifts no limit. Balances are set again from the restored data.
    restored = state.get("data", data()) != data()
    if restored:
        until, settled, state["given"] = begin, 0, None
    beyond = state.get("beyond", 0) if state.get("month") == month else 0
    counted = settled + (0 if restored else beyond)
    if restored and limit is not None and state.get("month") == month and state["usd"] >= limit:
        counted = limit
    closing = max(until, int(now) - SETTLED)
    due = [month, usual, read(own_file())]
    gives = usual is not None and state.get("given") != due
    found = ask("guard.js", {
        "sums": [span(until, closing), span(closing, now + 60)],
        "stop": {"left": None if limit is None else (limit - counted) * CREDITS, "until": int(end * 1000)},
        "month": span(begin, end),
        "allowances": allowances(usual) if gives else None,
    })
    if found is None:
        return False
    closed, open_ = (credits / CREDITS for credits in found["sums"])
    hours = {at: usd for at, usd in state.get("hours", {}).items() if now - 7 * 24 * HOUR < int(at) <= now}
    # The first check of a month covers more than an hour, so it says nothing about the pace.
    if closing - until <= HOUR and not restored:
        at = str(until - until % HOUR)
        hours[at] = hours.get(at, 0) + closed
    if restored and state.get("month") == month:
        beyond = max(0, state["usd"] - closed - open_)
    usd = beyond + settled + closed + open_
    stopped = found["stopped"]
    write(STATE, json.dumps({
        "data": data(), "beyond": beyond, "month": month, "until": closing, "settled": settled + closed, "hours": hours,
        "given": due if gives and all(one["done"] for one in found["balances"]) else state.get("given"),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        "usd": round(usd, 6), "stopped": stopped, "warning": warning(hours, now),
    }))
    if stopped:
        os.makedirs(os.path.dirname(STOPPED), mode=0o755, exist_ok=True)
        write(STOPPED, stop(month, limit, usd, end), 0o644)
    elif os.path.exists(STOPPED):
        os.remove(STOPPED)
    return True


if __name__ == "__main__":
    with locked():
        # The time is an argument in tests.
        sys.exit(0 if tick(float(sys.argv[2]) if len(sys.argv) > 2 else time.time()) else 1)
