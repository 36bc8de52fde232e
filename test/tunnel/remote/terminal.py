"""Runs a program in a pseudo-terminal; input and output are bytes, file descriptor 3 takes sizes: "80 24\\n"."""

import fcntl
import os
import pty
import select
import struct
import sys
import termios

child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])

sources = [0, 3, terminal]
while True:
    ready, _, _ = select.select(sources, [], [])
    try:
        if terminal in ready:
            output = os.read(terminal, 65536)
            if not output:
                break
            os.write(1, output)
        if 0 in ready:
            data = os.read(0, 65536)
            if data:
                os.write(terminal, data)
            else:
                break
        if 3 in ready:
            line = os.read(3, 4096).decode().splitlines()
            if not line:
                sources.remove(3)
                continue
            cols, rows = (int(part) for part in line[-1].split())
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
    except OSError:
        break
