"""Users' allowances: shown and changed.

Request: {"email": one user's | null, "usd": dollars | "default" | null, "preview": dollars | null}. Without an e-mail
address all users are shown; `preview` shows what another allowance of the lab would do. Answer: {"allowances": {"usd",
"users": [{"email", "usd", "own", "used", "before", "left"}], "more"}}, in dollars; `before` is null for a user without
a balance.
"""
import json
import time

from lab import answer, fail, refuse, request, step
from money import CREDITS, allowances, ask, locked, month_of, own_file, read, setting, span, write

# The limit of one command's output, for addresses of any length.
MOST = 60


def dollars(credits):
    return None if credits is None else round(credits / CREDITS, 6)


asked = request()
email, usd = asked.get("email"), asked.get("usd")
with locked():
    usual = asked["preview"] if asked.get("preview") is not None else setting("LAB_ALLOWANCE")
    if usual is None:
        refuse("no-allowance", "This lab has no allowances.", "Users spend as much as they like.",
               step("set-allowance"))
    own = read(own_file())
    _, begin, end = month_of(time.time())

    def look(change):
        found = ask("guard.js", {"sums": [], "stop": None, "month": span(begin, end), "allowances": allowances(usual, email, change)})
        if found is None:
            fail("database-unreachable", "LibreChat's database did not answer.",
                 "It is starting, stopped or overloaded.", step("see-status"))
        return found["balances"]

    users = look(False)
    if email is not None and not users:
        refuse("user-unknown", f"There is no user {email}.", "Nothing was changed.",
               step("list-users"))
    if usd is not None:
        own.pop(email.lower(), None)
        if usd != "default":
            own[email.lower()] = usd
        write(own_file(), json.dumps(own))
        users = look(True)
answer({"allowances": {"usd": usual, "more": max(0, len(users) - MOST), "users": [
    {"email": one["email"], "usd": dollars(one["allowance"]), "own": one["email"].lower() in own,
     "used": dollars(one["used"]), "before": dollars(one["before"]), "left": dollars(one["left"])}
    for one in users[:MOST]
]}})
