"""What can be reached from here: scan.py <address>... -- <port>... Prints a line for each port that accepts."""
import concurrent.futures
import socket
import sys

at = sys.argv.index("--")


def accepts(target):
    try:
        socket.create_connection(target, timeout=3).close()
    except OSError:
        return False
    return True


targets = [(address, int(port)) for address in sys.argv[1:at] for port in sys.argv[at + 1:]]
with concurrent.futures.ThreadPoolExecutor(100) as pool:
    for (address, port), open_ in zip(targets, pool.map(accepts, targets)):
        if open_:
            print(f"{address}:{port}")
