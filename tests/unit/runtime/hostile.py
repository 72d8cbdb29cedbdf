"""A contract that does harm when it is told to, and how each of its deeds must end."""

from typing import Final

SOURCE: Final = r"""
import importlib
from tallystick.chaincode import Context, Contract, transaction
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage

# The check at installation would refuse what comes this way: isolation must not rest on it.
module = importlib.import_module
os, sys, ctypes, fcntl = module("os"), module("sys"), module("ctypes"), module("fcntl")
libc = ctypes.CDLL(None)
peer = os.getppid()

def link():
    "Return the descriptor of the socket to the peer."
    for descriptor in range(3, 64):
        try:
            if module("stat").S_ISSOCK(os.fstat(descriptor).st_mode):
                return descriptor
        except OSError:
            pass

def push(content):
    view = memoryview(content)
    while view:
        view = view[os.write(link(), view):]

def frame(**fields):
    content = ChaincodeMessage(**fields).SerializeToString()
    return len(content).to_bytes(4, "big") + content

def spin():
    while True:
        pass

def deep(number):
    return deep(number + 1) + 1

def forever(do):
    kept = []
    while True:
        kept.append(do())

def checked(result):
    if result < 0:
        raise PermissionError("refused")

def raised(error):
    raise error

def thread():
    module("threading").Thread(target=module("time").sleep, args=(60,), daemon=True).start()

def stray(ctx, kind, count):
    push(frame(type=kind, txid="other", channel_id=ctx.stub.channel_id) * count)
    spin()

def answers_for_others(ctx):
    others = {f"t{number}" for number in range(2000)} - {ctx.stub.transaction_id}
    for other in others:
        push(frame(type=6, txid=other, channel_id=ctx.stub.channel_id,
                   payload=b"\x08\xc8\x01\x1a\x06forged"))
    spin()

def answers_itself(ctx):
    push(frame(type=6, txid=ctx.stub.transaction_id, channel_id=ctx.stub.channel_id,
               payload=b"\x08\xc8\x01\x1a\x06forged"))
    spin()

def requests(ctx):
    one = frame(type=8, txid=ctx.stub.transaction_id, channel_id=ctx.stub.channel_id)
    while True:
        push(one * 1000)

def iterator(ctx):
    rows = iter(ctx.state.range("", ""))
    next(rows)
    return rows

def queries(ctx):
    while True:
        list(ctx.stub.get_state_page("", "", 1, "").rows)

def call(ctx, chaincode, *args):
    answer = ctx.stub.invoke_chaincode(chaincode, [arg.encode() for arg in args])
    if answer.response.status >= 400:
        raise RuntimeError(answer.response.message)

class Hostile(Contract):
    name = "hostile"

    @transaction
    def move(self, ctx: Context, key: str, value: str) -> str:
        ctx.state.put(key, value.encode())
        return (ctx.stub.get_state(key) or b"").decode()

    @transaction
    def take(self, ctx: Context, seconds: int) -> str:
        module("time").sleep(seconds)
        ctx.stub.get_state("k")
        return "slow"

    @transaction
    def fill(self, ctx: Context, key: str) -> None:
        ctx.stub.put_state(key, bytes(10_000_000))

    @transaction
    def read(self, ctx: Context, path: str) -> None:
        os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)

    @transaction
    def do(self, ctx: Context, deed: str) -> str:
        acme, number = module("acme").__file__, iter(range(10**9))
        deeds = {
            "loop": spin,
            "hoard": lambda: forever(lambda: bytearray(1 << 26)),
            "exit": lambda: os._exit(3),
            "abort": os.abort,
            "segfault": lambda: ctypes.string_at(0),
            "stop": lambda: os.kill(os.getpid(), 19),
            "leave": lambda: sys.exit(0),
            "overflow": lambda: deep(0),
            "native overflow": lambda: (sys.setrecursionlimit(10**9), deep(0)),
            "interrupt": lambda: raised(KeyboardInterrupt()),
            "base exception": lambda: raised(BaseException("x")),
            "close": lambda: (os.close(link()), spin()),
            "garbage": lambda: (push(b"\0\0\0\5hello" * 100), spin()),
            "oversized": lambda: (push(b"\xff" * 100_000), spin()),
            "half a message": lambda: (push(b"\0\1\0\0abc"), spin()),
            "strays": lambda: stray(ctx, 8, 5000),
            "ends": lambda: stray(ctx, 6, 5000),
            "keepalives": lambda: stray(ctx, 18, 5000),
            "registers": lambda: stray(ctx, 1, 1),
            "unknown": lambda: stray(ctx, 99, 1),
            "answers for others": lambda: answers_for_others(ctx),
            "answers itself": lambda: answers_itself(ctx),
            "requests": lambda: requests(ctx),
            "queries": lambda: queries(ctx),
            "iterators": lambda: forever(lambda: iterator(ctx)),
            "callees": lambda: forever(lambda: call(ctx, "steady", "move", "k", "v")),
            "itself": lambda: call(ctx, "hostile", "move", "k", "v"),
            "each other": lambda: call(ctx, "steady", "do", "back"),
            "back": lambda: call(ctx, "hostile", "move", "k", "v"),
            "large keys": lambda: forever(
                lambda: ctx.stub.get_state(str(next(number)) + "k" * 1_000_000)),
            "large writes by another": lambda: forever(
                lambda: call(ctx, "steady", "fill", str(next(number)))),
            "large result": lambda: "x" * 20_000_000,
            "large event": lambda: ctx.stub.set_event("e", bytes(20_000_000)),
            "large write": lambda: ctx.stub.put_state("k", bytes(20_000_000)),
            "log": lambda: [print("x" * 1000) for _ in range(10_000)],
            "threads": lambda: forever(thread),
            "child": os.fork,
            "program": lambda: os.execv("/usr/bin/env", ["env"]),
            "network": lambda: module("socket").socket(),
            "raw": lambda: module("socket").socket(17, 3),
            "local datagrams": lambda: module("socket").socketpair(1, 2),
            "descriptors sent": lambda: module("socket").socket(
                fileno=os.dup(link())).sendmsg([b"x"], [(1, 1, bytes(4))]),
            "descriptors": lambda: forever(lambda: os.dup(0)),
            "pipes": lambda: forever(os.pipe),
            "file": lambda: open("/dev/shm/tally-left", "w"),
            "own folder": lambda: open(os.path.join(os.getcwd(), "left"), "w"),
            "temporary": lambda: open("/tmp/tally-left", "w"),
            "mode": lambda: os.chmod(acme, 0),
            "lock": lambda: fcntl.flock(open(acme), 2),
            "lease": lambda: fcntl.fcntl(os.open(acme, 0), 1024, 0),
            "sync": lambda: checked(libc.syncfs(0)),
            "watch": lambda: checked(libc.inotify_init1(0)),
            "memory file": lambda: os.memfd_create("left"),
            "shared memory": lambda: checked(libc.shmget(0, 1 << 20, 0o1600)),
            "ledger": lambda: os.listdir("/root"),
            "outlive": lambda: checked(libc.prctl(1, 0, 0, 0, 0)),
            "trace": lambda: checked(libc.ptrace(16, peer, 0, 0)),
            "memory": lambda: open(f"/proc/{peer}/mem", "rb"),
            "environment": lambda: open(f"/proc/{peer}/environ", "rb"),
            "open files": lambda: os.listdir(f"/proc/{peer}/fd"),
            "signal": lambda: os.kill(peer, 0),
            "signal to all": lambda: os.kill(-1, 0),
            "signal to the group": lambda: os.kill(0, 0),
            "queued signal": lambda: checked(libc.sigqueue(peer, 0, 0)),
            "signal by descriptor": lambda: fcntl.fcntl(link(), 8, peer),
            "limits": lambda: module("resource").prlimit(peer, 7),
            "priority": lambda: os.setpriority(0, peer, 19),
            "processor": lambda: os.sched_setaffinity(peer, {0}),
        }
        return str(deeds[deed]())

class Steady(Hostile):
    name = "steady"
"""

STOPPED: Final = (
    *("loop", "exit", "abort", "segfault", "stop", "native overflow", "close", "garbage"),
    *("oversized", "half a message", "strays", "ends", "keepalives", "registers", "unknown"),
    *("answers for others", "requests", "queries", "callees"),
    *("large result", "large event", "large write"),
)
"""Deeds that cost the process its life."""

FAILED: Final = ("interrupt",)
"""Deeds that cost the call its answer; the process lives."""

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""What a peer that tries this contract takes from it at a time: less than its large messages."""

DENIED: Final = (
    # by Python or by what memory there is
    *("leave", "overflow", "base exception", "hoard", "log"),
    # by the peer, to whom it asks too much
    *("iterators", "itself", "each other", "large keys"),
    "large writes by another",
    # by the kernel
    *("threads", "child", "program", "network", "raw", "local datagrams", "descriptors sent"),
    *("descriptors", "pipes", "file", "own folder", "temporary", "mode", "lock", "lease"),
    *("sync", "watch", "memory file", "shared memory", "ledger", "outlive"),
    *("trace", "memory", "environment", "open files", "signal", "signal to all"),
    *("signal to the group", "queued signal", "signal by descriptor", "limits", "priority"),
    "processor",
)
"""Deeds that fail within the contract: its call answers 500."""
