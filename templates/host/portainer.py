"""Portainer's admin password, shown or reset, sealed to the request's key.

Request: {"action": "show" | "reset", "publicKey": PEM}. Answer: {"portainer": {"username", "works", "sealed"}}.
"""
import json
import os
import re
import ssl
import time
import urllib.error
import urllib.request

from lab import LAB, answer, compose, fail, request, run, seal, step

FILE = f"{LAB}/secrets/portainer-admin-password"


def works(username, password):
    """Whether Portainer accepts this password; None if it doesn't answer."""
    # Portainer's certificate is self-signed, and this is the loopback.
    context = ssl._create_unverified_context()
    body = json.dumps({"Username": username, "Password": password}).encode()
    ask = urllib.request.Request(
        "https://127.0.0.1:9443/api/auth", data=body, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(ask, timeout=10, context=context) as response:
            return response.status == 200
    except urllib.error.HTTPError as error:
        return None if error.code >= 500 else False
    except OSError:
        return None


def show(asked):
    if not os.path.exists(FILE):
        fail("portainer-missing", "Portainer has no password on this host.", "The host's setup was never completed.",
             step("up"))
    with open(FILE, encoding="utf-8") as file:
        password = file.read()
    answer({"portainer": {"username": "admin", "works": works("admin", password), "sealed": seal(password, asked)}})


def reset(asked):
    """Portainer's own reset program, on the volume of the stopped Portainer. It generates the password."""
    pins = dict(line.strip().split("=", 1) for line in open(f"{os.environ['CODE']}/pins.env", encoding="utf-8")
                if re.match(r"[A-Z]", line))
    image = pins["PORTAINER_RESET_IMAGE"]
    if run("docker", "image", "inspect", image).returncode != 0:
        pulled = run("docker", "pull", "-q", image)
        if pulled.returncode != 0:
            fail("image-pull", f"{image} could not be downloaded.", pulled.stderr.strip()[-500:],
                 "Run the command again; Docker Hub's limit for this address ends within 6 hours.")
    compose("stop", "portainer")
    try:
        # In the host's user namespace, as Portainer itself: its files are the real root's.
        result = run("docker", "run", "--rm", "--userns", "host", "--network", "none", "--cap-drop", "ALL",
                     "--cap-add", "DAC_OVERRIDE", "--security-opt", "no-new-privileges",
                     "-v", "librechat-lab_portainer:/data", image)
    finally:
        compose("start", "portainer")
    text = result.stdout + result.stderr
    password = re.search(r"password to login: (\S+)", text)
    username = re.search(r"updated for user: (\S+)", text)
    if result.returncode != 0 or not password:
        fail("portainer-reset", "Portainer's password could not be reset.",
             f"Its reset program ended with code {result.returncode}.", "Run the command again.")
    name = username.group(1) if username else "admin"
    with open(FILE + ".new", "w", encoding="utf-8") as file:
        file.write(password.group(1))
    os.replace(FILE + ".new", FILE)
    accepted = None
    for _ in range(60):
        accepted = works(name, password.group(1))
        if accepted is not None:
            break
        time.sleep(1)
    answer({"portainer": {"username": name, "works": accepted, "sealed": seal(password.group(1), asked)}})


asked = request()
{"show": show, "reset": reset}[asked["action"]](asked)
