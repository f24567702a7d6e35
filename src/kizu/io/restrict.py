"""What a decoding worker may not do: use much memory or time, reach the network, start programs."""

import contextlib
import sys
from types import ModuleType

BASE_MEMORY = 2 << 30
_FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.spawn", "os.posix_spawn", "pickle.")


def _resource() -> ModuleType | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource


def forbid() -> None:
    """Refuse network, programs and pickles for the rest of this process; no core dumps."""
    sys.addaudithook(_refuse)
    _limit("RLIMIT_CORE", 0)


def limit_memory(extra: int) -> None:
    """Allow about 2 GiB of address space plus `extra` bytes."""
    _limit("RLIMIT_AS", BASE_MEMORY + extra)


def limit_seconds(seconds: float) -> None:
    """Allow `seconds` more of processor time, rounded up; a last resort where nobody watches the clock."""
    resource = _resource()
    if resource is not None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        _limit("RLIMIT_CPU", int(usage.ru_utime + usage.ru_stime + seconds) + 2)


def _limit(name: str, value: int) -> None:
    resource = _resource()
    if resource is None or not hasattr(resource, name):
        return
    which = getattr(resource, name)
    _, hard = resource.getrlimit(which)
    soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS refuses limits below what is mapped already
        resource.setrlimit(which, (soft, hard))


def _refuse(event: str, arguments: object) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"a decoder may not use {event}")
