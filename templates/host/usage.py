"""What the models cost: LibreChat's transactions, summed by its database (ledger.js). Changes nothing.

Request: {"days": [[name, from, to], ...], "months": [...]} as ledger.js takes it.
Answer: {"usage": compressed JSON in base64}, short enough for one command's output.
"""
import base64
import json
import zlib

from lab import answer, fail, request, step
from money import ask

# Run Command shows 24,000 bytes.
LIMIT = 20000


def packed(found):
    return base64.b64encode(zlib.compress(json.dumps(found, separators=(",", ":")).encode(), 9)).decode()


def fewer(rows):
    """The first half, and the sum and the number of all others."""
    kept, others = rows[: len(rows) // 2], rows[len(rows) // 2:]
    count = sum(row[7] if len(row) > 7 else 1 for row in others)
    return kept, [None, *(sum(row[i] for row in others) for i in range(1, 7)), count]


found = ask("ledger.js", request())
if found is None:
    fail("database-unreachable", "LibreChat's database did not answer.", "It is starting, stopped or overloaded.",
         step("see-status"))
# Lists those with the highest cost; many long addresses or models would not fit.
text = packed(found)
while len(text) > LIMIT:
    name = max(("users", "models"), key=lambda key: len(json.dumps(found[key])))
    kept, others = fewer(found[name])
    found[name] = [*kept, others]
    text = packed(found)
answer({"usage": text})
