"""The host's health as one line of JSON: health.py [--wait <seconds>]. Reads only; needs no lock.

`problems` are what makes it unhealthy, `warnings` what will; each is {"code", "text"}.
"""
import calendar
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import time

import firewall

LAB = os.environ.get("LAB", "/opt/librechat-lab")
PROC = os.environ.get("PROC", "/proc")
PORT_80 = "Check that the network ACL of the subnet and the security group allow port 80 from everywhere."
SERVICES = ["librechat", "mongodb", "meilisearch", "proxy", "portainer"]
GIB = 1024**3
MIB = 1024**2
NUMBER = (int, float)


def run(*command, stdin=""):
    """A command's output; empty if it fails, is missing or hangs."""
    try:
        result = subprocess.run(command, input=stdin, capture_output=True, text=True, errors="replace", timeout=30,
                                check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout if result.returncode == 0 else ""


def read(path):
    """A file's text, also of a damaged one; empty if there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def whole(found, **types):
    """A JSON object that has these values; else None."""
    right = isinstance(found, dict) and all(isinstance(found.get(name), kind) for name, kind in types.items())
    return found if right else None


def document(path, **types):
    """A file's JSON object with these values; None where there is none, or a damaged one."""
    try:
        return whole(json.loads(read(path)), **types)
    except ValueError:
        return None


def containers():
    """Each service's container from `docker inspect`; None if Docker exists and doesn't answer."""
    if shutil.which("docker") and not run("docker", "version", "-f", "{{.Server.Version}}"):
        return None
    ids = run("docker", "ps", "-aq", "--filter", "label=com.docker.compose.project=librechat-lab",
              "--filter", "label=com.docker.compose.oneoff=False").split()
    inspected = json.loads(run("docker", "inspect", *ids) or "[]") if ids else []
    return {item["Config"]["Labels"]["com.docker.compose.service"]: item for item in inspected}


def seconds(iso):
    """Docker's UTC time, which has nanoseconds, since the epoch."""
    return calendar.timegm(time.strptime(iso[:19], "%Y-%m-%dT%H:%M:%S"))


def portainer_answers():
    # Its image has no shell for a health check.
    return run("curl", "-fsSk", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}",
               "https://127.0.0.1:9443/api/system/status") == "200"


def state_of(service, found):
    if found is None:
        return "unknown"
    container = found.get(service)
    if container is None:
        return "missing"
    state = container["State"]
    if state["Status"] != "running":
        return state["Status"]
    if service == "portainer":
        return "healthy" if portainer_answers() else "unhealthy"
    return state.get("Health", {}).get("Status", "running")


def recent_restarts(container, within=900):
    """Docker's restart count, if the last restart was within this many seconds."""
    # A start that is to come was dated by a clock that was ahead.
    if container is None or not 0 <= time.time() - seconds(container["State"]["StartedAt"]) <= within:
        return 0
    return container["RestartCount"]


def described(pem):
    """A certificate's validity, subject and issuer, and the fingerprint that browsers show."""
    text = run("openssl", "x509", "-noout", "-dates", "-issuer", "-fingerprint", "-sha256", stdin=pem)
    dates = [calendar.timegm(time.strptime(date, "%b %d %H:%M:%S %Y %Z"))
             for date in re.findall(r"^not\w+=(.*)$", text, re.M)]
    issuer = re.search(r"issuer=(.*)", text)
    sha256 = re.search(r"ingerprint=([0-9A-F:]+)", text)
    if len(dates) != 2:
        return None
    begin, end = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(date)) for date in dates)
    return {"notBefore": begin, "notAfter": end, "issuer": issuer.group(1).strip() if issuer else "",
            "sha256": sha256.group(1) if sha256 else ""}


def certificate(site):
    """The certificate that port 443 serves for the site."""
    # Like a browser, sends no name for an address.
    return shown_at(443, *([] if re.fullmatch(r"[0-9.]+", site) else ["-servername", site]))


def shown_at(port, *name):
    return described(run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", *(name or ["-noservername"])))


def own_certificate(shown):
    """The lab's own certificate, which port 443 serves for the address without a trusted one."""
    if setting("LAB_CERTIFICATE") == "address":
        return shown
    if setting("LAB_CERTIFICATE") == "domain":
        return certificate(setting("LAB_ADDRESS"))
    return described(read(f"{LAB}/served/2-own.pem"))


def trusted_certificate(shown):
    """If a trusted certificate is wanted for the address: whether it is served, and the result of the last attempt."""
    if setting("LAB_CERTIFICATE") != "trusted":
        return None
    trusted = described(read(f"{LAB}/served/1-trusted.pem"))
    last = whole((document(f"{LAB}/state/certificate.json") or {}).get("last"), at=str, result=str)
    return {"served": bool(shown and trusted and shown["sha256"] == trusted["sha256"]), "last": last}


def setting(name):
    found = re.search(rf"^{name}=(.*)$", read(f"{LAB}/.env"), re.M)
    return found.group(1) if found else ""


def written(name):
    return read(f"{LAB}/state/{name}").strip()


def users(database):
    """How many users LibreChat has; None when its database does not answer."""
    if database is None:
        return None
    counted = run("docker", "exec", database["Id"], "mongosh", "--quiet", "--eval",
                  "print(db.getSiblingDB('LibreChat').getCollection('users').countDocuments())").strip()
    return int(counted) if counted.isdigit() else None


def menu():
    """The ids of the models in LibreChat's menu."""
    return re.findall(r'^\s+- name: "(.*)"$', read(f"{LAB}/librechat.yaml"), re.M)


def update(name):
    return document(f"{LAB}/state/update-{name}.json", at=str, result=str)


def versions():
    """Each service's version: the tag of its image. state/applied is the running stack's."""
    kept = f"{LAB}/state/applied/images" if os.path.isdir(f"{LAB}/state/applied/images") else f"{LAB}/images"
    found = {}
    for service, pin in (("librechat", "LIBRECHAT"), ("mongodb", "MONGODB"), ("meilisearch", "MEILISEARCH")):
        if os.path.exists(f"{kept}/{pin}_IMAGE"):
            found[service] = read(f"{kept}/{pin}_IMAGE").partition("\n")[0].strip().split("@")[0].rpartition(":")[2]
    return found


def money():
    """The last result of the timer of the models' cost (money.py); None before the first."""
    found = document(f"{LAB}/state/money.json", month=str, usd=NUMBER, at=str, stopped=bool)
    if found is None:
        return None
    dollars = {name: float(setting(f"LAB_{name.upper()}") or 0) or None for name in ("allowance", "limit")}
    own = (document(f"{LAB}/state/allowances{setting('LAB_DATA')}.json") or {}).values()
    dollars["own"] = {"users": len(own), "usd": sum(usd for usd in own if isinstance(usd, NUMBER))}
    return {**dollars, **{name: found.get(name) for name in ("month", "usd", "at", "stopped", "warning")}}


def waiting_kernel():
    """The kernel that a restart would start, if it differs from the running one; else empty."""
    # dnf's own check only knows a package called kernel, and Amazon Linux's are called kernel6.12 and so on.
    found = re.search(r"/vmlinuz-(\S+)$", run("grubby", "--default-kernel").strip())
    return found.group(1) if found and found.group(1) != os.uname().release else ""


def libraries_wait():
    """Whether the last update found something else that needs a restart, and there was none since."""
    last = update("system") or {}
    with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
        return bool(last.get("reboot")) and last.get("boot") == file.read().strip()


def last_dump():
    """The result of the last dump, from bin/dump; None before the first."""
    return document(f"{LAB}/state/dump.json", at=str, result=str)


def interrupted():
    """What the last shutdown interrupted, from bin/finish; None if it was done since."""
    return document(f"{LAB}/state/interrupted.json", at=str, stage=str)


def first_setup():
    """How long the first set-up took from the boot on, as run.sh wrote it down; None where it isn't known, or where it
    was interrupted: then the time until somebody went on is in it."""
    begun, last, stages = None, None, {}
    for line in written("first-setup").splitlines():
        found = re.fullmatch(r"([a-z-]+) (\d+) (\d+)", line)
        if not found or found.group(1) == "failed":
            return None
        stage, took, ended = found.group(1), int(found.group(2)), int(found.group(3))
        if stage == "boot":
            begun = last = ended
            continue
        # The agent may take minutes to answer; between two stages little happens.
        if last is None or not -5 <= ended - took - last <= 600:
            return None
        last = ended
        stages.setdefault(stage, took)
        if stage == "health":
            return {"seconds": ended - begun, "stages": stages}
    return None


def proof():
    """The last chat proof, as src/bedrock/proof.ts left it; None where there is none."""
    return document("/var/lib/librechat-lab/proof.json")


def idle_stop():
    """The last result of bin/idle-stop; None if idle stop is off."""
    minutes = setting("LAB_IDLE_STOP")
    if not minutes:
        return None
    last = document("/run/librechat-lab/idle.json", since=NUMBER, awake=str) or {}
    idle = time.clock_gettime(time.CLOCK_BOOTTIME) - last.get("since", 0)
    return {"minutes": int(minutes), "awake": last.get("awake", ""),
            "idleSince": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - idle)),
            "held": os.path.exists(f"{LAB}/state/idle-stop-held")}


def hold_idle_stop():
    """The caller has seen that a shutdown would terminate the instance, which the host can't see."""
    if setting("LAB_IDLE_STOP"):
        with open(f"{LAB}/state/idle-stop-held", "w", encoding="utf-8"):
            pass


def memory():
    with open("/proc/meminfo", encoding="utf-8") as file:
        found = {key: int(value) * 1024 for key, value in re.findall(r"^(\w+):\s+(\d+) kB$", file.read(), re.M)}
    return {"totalBytes": found["MemTotal"], "availableBytes": found["MemAvailable"],
            "swapTotalBytes": found["SwapTotal"], "swapFreeBytes": found["SwapFree"]}


def proc(name):
    return read(f"{PROC}/{name}")


def load(found):
    """The host's load. Shares are of all processor time since its start; some kernels don't report memory pressure."""
    ticks = [int(word) for word in proc("stat").split("\n")[0].split()[1:9]]
    average, uptime = proc("loadavg").split(), proc("uptime").split()
    if len(ticks) != 8 or len(average) < 3 or not uptime:
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = ticks
    whole = sum(ticks) or 1
    killed = re.search(r"^oom_kill (\d+)$", proc("vmstat"), re.M)
    pressure = re.search(r"^some .*avg300=([0-9.]+)", proc("pressure/memory"), re.M)
    return {
        "cores": os.cpu_count() or 1,
        "load15": float(average[2]),
        "busyShare": round((user + nice + system + irq + softirq) / whole, 4),
        "stealShare": round(steal / whole, 4),
        "uptimeSeconds": int(float(uptime[0])),
        "oomKills": int(killed.group(1)) if killed else 0,
        "memoryPressure": float(pressure.group(1)) if pressure else None,
        "restarts": {service: recent_restarts(found.get(service), 86400) for service in SERVICES},
    }


def disk():
    # Everything is on the root volume: the system, the images and the data.
    space = os.statvfs("/")
    return {"totalBytes": space.f_blocks * space.f_frsize, "freeBytes": space.f_bavail * space.f_frsize}


def health():
    running = containers()
    found = running or {}
    kernel = waiting_kernel()
    shown = certificate(setting("LAB_SITE")) if setting("LAB_SITE") else None
    own = own_certificate(shown) if setting("LAB_SITE") else None
    result = {
        "healthy": False,
        "release": written("release"),
        "services": {service: state_of(service, running) for service in SERVICES},
        "restarts": {service: recent_restarts(found.get(service)) for service in SERVICES},
        "images": {service: found[service]["Config"]["Image"] for service in SERVICES if service in found},
        "versions": versions(),
        "data": setting("LAB_DATA"),
        "disk": disk(),
        "memory": memory(),
        "load": load(found),
        "certificate": shown,
        "ownCertificate": own,
        "portainerCertificate": shown_at(9443) if setting("LAB_SITE") else None,
        "trustedCertificate": trusted_certificate(shown),
        "metadataProtected": firewall.metadata_protected(),
        "hostPortsProtected": firewall.host_ports_protected(),
        "site": setting("LAB_SITE"),
        "models": menu(),
        "money": money(),
        "updates": {"portainer": update("portainer"), "system": update("system"), "librechat": update("librechat")},
        "updatePending": bool(written("update.json")),
        "dump": last_dump(),
        "interrupted": interrupted(),
        "rebootNeeded": bool(kernel) or libraries_wait(),
        "proof": proof(),
        "idleStop": idle_stop(),
        "firstSetup": first_setup(),
        "running": "" if written("running").startswith("health ") else written("running"),
    }
    problems, warnings = judge(result, kernel)
    result["problems"] = problems
    result["warnings"] = warnings
    result["healthy"] = not problems
    return result


def judge_certificate(result, wrong, warn):
    shown, trusted = result["certificate"], result["trustedCertificate"]
    last = trusted["last"] if trusted else None
    refused = bool(last and last["result"] == "failed" and last.get("detail"))
    why = f" The last attempt, on {last['at']}, failed: {last['detail'].rstrip('.')}." if refused else ""
    steps = [PORT_80, {"code": "own-certificate"}] if refused else []
    if shown:
        begin, end = seconds(shown["notBefore"]), seconds(shown["notAfter"])
        days = (end - time.time()) / 86400
        left = f"{days:.0f} days" if days >= 2 else f"{days * 24:.0f} hours"
        if days < 0:
            wrong("certificate", "The certificate has expired.")
        elif trusted and trusted["served"] and refused:
            warn("certificate", f"The trusted certificate could not be renewed. It expires in {left}, and the lab then "
                 f"shows its own one. The host goes on trying.{why}", *steps)
        # A certificate for months is renewed a month before its end, one for six days two days before.
        elif end - time.time() < min(10 * 86400, (end - begin) / 5):
            warn("certificate", f"The certificate expires in {left} and was not renewed.")
    elif result["services"]["proxy"] == "healthy":
        site, address = setting("LAB_SITE"), setting("LAB_ADDRESS")
        if site == address:
            wrong("certificate", f"Port 443 has no certificate for {site}.")
        else:
            wrong("certificate", f"Port 443 has no certificate for {site}. "
                  f"{site} must point to {address}, and port 80 must be open to everyone.", {"code": "open-port-80"})
    if trusted and not trusted["served"]:
        warn("own-certificate", "There is no trusted certificate for the address at the moment, so the lab "
             f"shows its own one. The host goes on trying.{why}", *steps)


def judge(result, kernel):
    problems, warnings = [], []

    def say(to, code, text, *fix):
        to.append({"code": code, "text": text, "fix": list(fix)})

    if "unknown" in result["services"].values():
        say(problems, "docker", "Docker does not answer on the host. After a restart it needs a minute.")
    for service, state in result["services"].items():
        if state not in ("healthy", "unknown"):
            say(problems, "service", f"{service} is {state}.")
        if result["restarts"][service] >= 3:
            say(problems, "restarting", f"{service} has restarted {result['restarts'][service]} times.")
    if not result["metadataProtected"] and result["services"]["librechat"] not in ("missing", "unknown"):
        say(problems, "metadata", firewall.METADATA_OPEN, {"code": "up"})
    if not result["hostPortsProtected"] and result["services"]["librechat"] not in ("missing", "unknown"):
        say(problems, "host-ports", firewall.PORTS_OPEN, {"code": "up"})
    free, total = result["disk"]["freeBytes"], result["disk"]["totalBytes"]
    if free < GIB:
        say(problems, "disk-full", f"The disk has {free // MIB} MiB left; a full disk stops the database.",
            "Remove unused images on the host: docker image prune -a.", {"code": "larger-disk"})
    elif free < max(3 * GIB, total // 10):
        say(warnings, "disk-low", f"The disk has {free / GIB:.1f} GiB of {total / GIB:.0f} left.")
    memory_left = result["memory"]["availableBytes"] + result["memory"]["swapFreeBytes"]
    if memory_left < 300 * MIB:
        say(warnings, "memory-low", f"{memory_left // MIB} MiB of memory and swap are left.")
    judge_certificate(result, functools.partial(say, problems), functools.partial(say, warnings))
    spent = result["money"]
    if spent and spent["stopped"]:
        say(warnings, "limit", f"The models have cost ${spent['usd']:.2f} this month, and the limit is "
            f"${spent['limit'] or 0:.2f}: new messages are stopped.", {"code": "raise-limit"})
    if spent and spent["warning"]:
        say(warnings, "pace", spent["warning"])
    if spent and abs(time.time() - seconds(spent["at"])) > 1800:
        say(warnings, "money-late", f"What the models cost was last summed on {spent['at']}; the limit does not act.")
    for name, last in result["updates"].items():
        if last and last["result"] == "failed":
            say(warnings, f"update-{name}", f"The last update of {name} failed on {last['at']}.")
    if os.path.exists(f"{LAB}/state/closed"):
        say(problems, "closed", "Another instance was to take this one's place, so nobody can reach LibreChat here, and "
            "it stays stopped once its data is dumped.", {"code": "up"})
    last = result["updates"]["librechat"]
    if result["updatePending"] and result["running"].startswith("stack "):
        say(problems, "update", "LibreChat is being updated, and nobody can reach it meanwhile.")
    elif result["updatePending"]:
        say(problems, "update", "An update of LibreChat was interrupted, and nobody can reach it meanwhile.",
            {"code": "update"})
    elif last and last["result"] == "rolled-back":
        say(warnings, "update-rolled-back", f"An update was rolled back on {last['at']}. {last.get('detail', '')}",
            {"code": "update"})
    cut = result["interrupted"]
    if cut and not result["updatePending"]:
        what = {"backup": "a backup or a restore", "dump": "a dump of the data"}.get(cut["stage"], "an update of the host")
        say(warnings, "interrupted", f"The host was shut down on {cut['at']} in the middle of {what}. "
            "The data is intact. Run the command again.")
    dumped = result["dump"]
    if dumped and dumped["result"] == "failed":
        say(warnings, "dump", f"The last dump of the data failed on {dumped['at']}: {dumped.get('detail', '')}")
    if kernel:
        say(warnings, "reboot", "A kernel update waits for a restart of the instance: "
            f"Linux {os.uname().release} runs, {kernel} is installed.")
    elif result["rebootNeeded"]:
        say(warnings, "reboot", "A security fix waits for a restart of the instance.")
    return problems, warnings


def main():
    begun = time.monotonic()
    if "--hold-idle-stop" in sys.argv:
        hold_idle_stop()
    timeout = float(sys.argv[2]) if sys.argv[1:2] == ["--wait"] else 0
    result = health()
    # A public certificate is issued within seconds, or not before a user has corrected the domain.
    while not result["healthy"] and time.monotonic() - begun < min(
        timeout, 45 if {problem["code"] for problem in result["problems"]} == {"certificate"} else timeout
    ):
        time.sleep(3)
        result = health()
    # Only once, at the end: the database's shell takes a second to start.
    result["users"] = users((containers() or {}).get("mongodb"))
    print(json.dumps(result, separators=(",", ":")))


main()
