"""Prints Docker's daemon.json with ours merged in: merge_daemon_json.py <ours> <theirs>.

What they have stays; what is missing is added. A setting of ours that they have set otherwise is an error, said on
standard error, for no choice of theirs is overwritten. So is one that would take away what the lab relies on: Docker's
firewall, through which the metadata is protected, the network, and that nobody but root speaks to Docker.
"""
import json
import os
import re
import sys


FIREWALL = "the instance's credentials are protected in the firewall that Docker sets up with iptables"
NETWORK = "containers would lose their network"
PORTS = "the lab's ports would be published otherwise"

# The values that each may have if it is set, and why.
REQUIRED = {
    "iptables": ([True], FIREWALL),
    "firewall-backend": (["", "iptables"], FIREWALL),
    "bridge": (["", "docker0"], FIREWALL),
    "allow-direct-routing": ([False], "anybody could reach containers past their published ports"),
    "ip-forward": ([True], NETWORK),
    "ip-masq": ([True], NETWORK),
    "ip": (["", "0.0.0.0"], PORTS),
    "userland-proxy": ([True], PORTS),
    "seccomp-profile": (["", "builtin"], "containers could use system calls that Docker refuses"),
}


def refuse(theirs):
    """Fails with the reason if a setting conflicts with what the lab needs."""
    for key, (allowed, why) in REQUIRED.items():
        if key in theirs and not any(theirs[key] is value or theirs[key] == value and isinstance(value, str)
                                     for value in allowed):
            sys.exit(f"It sets {key} to {json.dumps(theirs[key])}, and {why}.")
    hosts = theirs.get("hosts", [])
    for host in hosts if isinstance(hosts, list) else [hosts]:
        if not re.match(r"(unix|fd)://", str(host)):
            sys.exit(f"It sets hosts to {json.dumps(host)}, and anyone who can reach Docker over the network is root.")


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
    # The user may change log sizes and download limits.
    if path.startswith("log-opts.") or path == "max-concurrent-downloads":
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
    refuse(theirs)
    merged = merge(ours, theirs)
    if merged == theirs:
        # Left unchanged.
        with open(sys.argv[2], encoding="utf-8") as file:
            sys.stdout.write(file.read())
    else:
        print(json.dumps(merged, indent=2))


main()
