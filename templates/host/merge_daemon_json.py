"""Prints Docker's daemon.json with ours merged in: merge_daemon_json.py <ours> <theirs>.

What they have stays; what is missing is added. A setting of ours that they have set otherwise is an error, said on
standard error, for no choice of theirs is overwritten.
"""
import json
import os
import sys


def merge(ours, theirs, path=""):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        merged = dict(theirs)
        for key, value in ours.items():
            name = f"{path}.{key}" if path else key
            merged[key] = merge(value, theirs[key], name) if key in theirs else value
        return merged
    if isinstance(ours, list) and isinstance(theirs, list):
        for mine in ours:
            option = mine.split("=")[0] + "="
            for other in theirs:
                if other.startswith(option) and other != mine:
                    sys.exit(f"It sets {path} to {other}, and the lab needs {mine}.")
        return theirs + [mine for mine in ours if mine not in theirs]
    if ours == theirs:
        return theirs
    # How much is kept of a log is a matter of taste.
    if path.startswith("log-opts."):
        return theirs
    sys.exit(f"It sets {path} to {json.dumps(theirs)}, and the lab needs {json.dumps(ours)}.")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        ours = json.load(file)
    theirs = {}
    if os.path.exists(sys.argv[2]) and os.path.getsize(sys.argv[2]) > 0:
        with open(sys.argv[2], encoding="utf-8") as file:
            try:
                theirs = json.load(file)
            except ValueError as error:
                sys.exit(f"It is not valid JSON: {error}.")
    if not isinstance(theirs, dict):
        sys.exit("It is not a JSON object.")
    merged = merge(ours, theirs)
    if merged == theirs:
        # Not a byte is changed.
        with open(sys.argv[2], encoding="utf-8") as file:
            sys.stdout.write(file.read())
    else:
        print(json.dumps(merged, indent=2))


main()
