"""Whether the firewall is as bin/firewall sets it. Run as a program: prints what is wrong, and exits with 1."""
import re
import subprocess
import sys

METADATA_OPEN = "Any container may ask for the instance's credentials: the firewall's rule is gone or is passed by."
PORTS_OPEN = "Containers may reach the host's ports and Portainer: the firewall's rules are gone or are passed by."


def leads(chain, rule):
    """Whether a chain has the rule, and nothing before it lets a packet pass."""
    try:
        shown = subprocess.run(["iptables", "-w", "-S", chain], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        # Docker was never installed here.
        shown = ""
    for line in shown.splitlines():
        if line == f"-A {chain} {rule}":
            return True
        if not re.match(r"-[NP] |.* -j (DROP|REJECT)( |$)", line):
            return False
    return False


def metadata_protected():
    """Whether only LibreChat's bridge reaches the metadata: the way that every forwarded packet takes."""
    return leads("FORWARD", "-j DOCKER-USER") and leads("DOCKER-USER", "-d 169.254.169.254/32 ! -i lab-api -j DROP")


def host_ports_protected():
    """Whether no container reaches a port of the host, by Docker's proxy or by an address that Docker rewrites."""
    return leads("FORWARD", "-j DOCKER-USER") and all(
        leads("INPUT", f"-i {bridge} -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP")
        and leads("DOCKER-USER", f"-i {bridge} -m conntrack --ctstate DNAT --ctdir ORIGINAL -j DROP")
        for bridge in ("docker0", "br-+", "lab-+")
    )


if __name__ == "__main__":
    wrong = [text for right, text in [(metadata_protected(), METADATA_OPEN), (host_ports_protected(), PORTS_OPEN)]
             if not right]
    print(" ".join(wrong))
    sys.exit(1 if wrong else 0)
