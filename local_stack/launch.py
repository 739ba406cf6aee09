"""Become another program that can't outlive its parent; run as a script by `processes.start`, before the program.

What happens here has to happen after fork and before exec, where a threaded parent may run no Python of its own.
Imports the standard library only: it runs with `-I -S`, so that it costs ten milliseconds.
"""

import ctypes
import os
import pwd
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


def main(parent: str, death_signal: str, uid: str, *command: str) -> None:
    """Switch the user when a uid is given, tie the process to its parent, then become `command`."""
    if uid:
        _become(int(uid))
    # After the change of user, which clears it.
    _prctl(_PR_SET_PDEATHSIG, int(death_signal))
    if os.getppid() != int(parent):
        sys.exit("the parent is gone")
    os.execv(command[0], command)  # noqa: S606 -- the point of this program


def _become(uid: int) -> None:
    """Take on a uid, but keep root's way past file permissions.

    Postgres refuses to run as root, yet its program and its data may lie where only root can go (below /root).
    Source: capabilities(7), "Ambient" and "The securebits flags": without the flag access(2), which initdb asks for
    the programs beside it, leaves capabilities out of account.
    """
    gid = pwd.getpwuid(uid).pw_gid
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
    _prctl(_PR_SET_KEEPCAPS, 1)  # does most of it where the container forbids the former
    os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    bit = 1 << _CAP_DAC_OVERRIDE
    data = (ctypes.c_uint32 * 6)(bit, bit, bit)  # effective, permitted, inheritable; then their high halves
    if _libc().capset(header, data) == 0:
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE)


def _prctl(*arguments: int) -> None:
    """Linux only; elsewhere the children are stopped by an orderly end of the parent alone."""
    if sys.platform == "linux":
        _libc().prctl(*(ctypes.c_ulong(argument) for argument in (*arguments, *[0] * (5 - len(arguments)))))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


if __name__ == "__main__":
    main(*sys.argv[1:])
