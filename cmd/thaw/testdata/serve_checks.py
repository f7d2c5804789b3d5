# Checks of what `thaw serve` serves, run by gdb: any system, live or recorded.
#   gdb -nx -batch -ex 'python where, kind, function, thread = "SOCKET", "live", "FUNCTION", "COMPONENT/THREAD"' -x serve_checks.py
# kind is live or recorded. A live system stops at FUNCTION, which the thread calls now and
# then ("here": it is in a loop). Prints "ok N what" or "FAILED N what: why".
import os, re, signal, threading

number = 0

def check(what, ok, why=""):
    global number
    number += 1
    print("%s %d %s%s" % ("ok" if ok else "FAILED", number, what, "" if ok else ": %s" % (why,)))

def run(command):
    try:
        return gdb.execute(command, to_string=True)
    except gdb.error as e:
        return "error: %s" % e

def value(expression):
    try:
        return int(gdb.parse_and_eval(expression)) & (1 << 64) - 1
    except gdb.error:
        return None

def threads():
    return [t for i in gdb.inferiors() for t in i.threads()]

def component(t):
    return (t.name or "").rsplit("/", 1)[0]

for line in ("set pagination off", "set confirm off", "set width 0", "set print thread-events off", "set architecture i386:x86-64",
             "set sysroot /", "set schedule-multiple on", "set osabi none"):
    gdb.execute(line)
out = run("target extended-remote " + where)
first = gdb.selected_thread()
check("gdb connects", first is not None and first.is_valid(), out)

everyone = threads()
users = [t for t in everyone if "/" in (t.name or "")]
check("there are several inferiors", len([i for i in gdb.inferiors() if i.threads()]) >= 5, run("info inferiors"))
check("and more threads than inferiors", len(everyone) > len(gdb.inferiors()), len(everyone))
check("every thread has a name", all(t.name for t in everyone), [t.ptid for t in everyone if not t.name])
check("a component and a thread by name", len(users) >= len(everyone) - 64 and len(users) > 8, [t.name for t in everyone])
check("process ids are distinct", len({i.pid for i in gdb.inferiors()}) == len(gdb.inferiors()))
check("thread ids are distinct", len({t.ptid for t in everyone}) == len(everyone))
check("threads of an inferior are of its process", all(t.ptid[0] == i.pid for i in gdb.inferiors() for t in i.threads()))
check("threads of an inferior are of one component", all(len({component(t) for t in i.threads()}) == 1 for i in gdb.inferiors() if i.threads() and "/" in i.threads()[0].name))
others = sorted(t.name for t in everyone if t not in users)
check("the processors are an inferior", others and others == ["processor %d" % n for n in range(len(others))], others)
listing = run("info threads")
check("who runs is marked", "on processor 0" in listing, listing)
check("the selected thread runs", any(l.startswith("*") and ("on processor" in l or "processor 0" in l) for l in listing.splitlines()), listing)
check("states and waits are told", "receives from" in listing or "AWAITS" in listing or "blocked" in listing, listing)

pcs, stacks, readable, broken = {}, {}, 0, []
for t in everyone:
    t.switch()
    pcs[t.ptid] = value("$pc")
    sp = value("$sp")
    if sp:
        stacks[t.ptid] = sp
        readable += value("*(unsigned long *)$sp") is not None
    trace = run("bt 3")
    if not trace.startswith("#0"):
        broken.append((t.name, trace))
check("every thread has a pc", all(p is not None for p in pcs.values()), pcs)
check("most are somewhere", len([p for p in pcs.values() if p]) > len(pcs) / 2, pcs)
check("and have a stack", len(stacks) > len(pcs) / 2, stacks)
check("stacks are memory of their process", readable > (len(stacks) / 2 if kind == "live" else 0), (readable, len(stacks)))
check("backtraces begin", not broken, broken)
rip = [t for t in everyone if t.name == "processor 0"][0]
rip.switch()
check("a processor has all of its registers", "unavailable" not in run("p $rbx") and value("$cs") is not None, run("p $rbx"))
first.switch()
check("the running thread has the processor's or the kernel's", value("$pc") == pcs[first.ptid])
blocked = [t for t in users if "on processor" not in [l for l in listing.splitlines() if '"%s"' % t.name in l][0] and t.ptid in stacks]
blocked[0].switch()
check("what the kernel does not keep is unavailable, not zero", "unavailable" in run("p $xmm0") or "unavailable" in run("p $fs_base"), run("p $xmm0"))

check("memory that is not mapped is an error", "error" in run("x/gx 0x7f0000000120"), run("x/gx 0x7f0000000120"))
check("memory is not changed", "error" in run("set var *(char *)%d = 1" % stacks[blocked[0].ptid]))
before = value("$pc")
run("set var $pc = 0")
run("maintenance flush register-cache")
check("registers are not changed", value("$pc") == before)
packet = run("maintenance packet Z2,%x,8" % stacks[blocked[0].ptid])
check("watchpoints are refused", 'received: ""' in packet, packet)

why = run("monitor why").strip()
check("why it stands", len(why) > 3, why)
listed = run("monitor components")
check("components are listed", all(("process %d " % i.pid) in listed for i in gdb.inferiors() if i.threads() and "/" in i.threads()[0].name), listed)
check("with their capabilities", re.search(r"[1-9]\d* capabilities", listed), listed)
check("no breakpoint so far", "none" in run("monitor breakpoints"), run("monitor breakpoints"))
check("all registers of the processors", "rip" in run("monitor registers") and "cr3" in run("monitor registers"))
check("there is help", "components" in run("monitor help"))
xml = run("maintenance packet qXfer:threads:read::0,7ff")
check("names in the list of threads", 'name=' in xml and 'id=' in xml.replace('\\"', '"'), xml)
check("gdb leaves, and does not kill", "1" in run("maintenance packet qAttached:1"))
check("physical memory", "OK" in run("maintenance packet Qqemu.PhyMemMode:1") and "OK" in run("maintenance packet Qqemu.PhyMemMode:0"))

# gdb is quiet about the first stop of the inferior that it began with, if it was let go
# from another one.
first.switch()
if kind == "live":
    files = [i.progspace.filename or "" for i in gdb.inferiors()]
    check("programs bring their symbols", len([f for f in files if f]) >= 4, files)
    mine = [t for t in users if t.name == thread]
    check("the thread is there", mine, [t.name for t in users])
    mine[-1].switch()
    inferior = gdb.selected_inferior()
    spot = value("$pc") if function == "here" else value("(long)&'%s'" % function)
    check("its function is known", spot, run("info address %s" % function))
    gdb.execute("hbreak *%d" % spot)
    first.switch()
    gdb.execute("continue")
    t = gdb.selected_thread()
    check("a breakpoint stops in its component", gdb.selected_inferior().pid == inferior.pid, (t.name, hex(value("$pc"))))
    check("and at its place", value("$pc") == spot, (hex(value("$pc")), hex(spot)))
    check("in a thread that runs", "on processor" in [l for l in run("info threads").splitlines() if l.startswith("*")][0])
    check("with a frame of its function", gdb.selected_frame().name() is not None, run("bt"))
    check("it is counted", re.search(r"hit 1×", run("monitor breakpoints")), run("monitor breakpoints"))
    here = value("$pc")
    gdb.execute("stepi")
    check("a step moves it", value("$pc") != here or gdb.selected_thread().ptid != t.ptid)
    gdb.execute("continue")
    check("it hits again", value("$pc") == spot and gdb.selected_inferior().pid == inferior.pid, hex(value("$pc")))
    check("and is counted", re.search(r"hit 2×", run("monitor breakpoints")), run("monitor breakpoints"))
    gdb.execute("delete")
    if function != "here": # a loop in one line never ends
        t, lines = gdb.selected_thread(), []
        limit = threading.Timer(60, lambda: os.kill(os.getpid(), signal.SIGINT)) # gdb steps until the thread gets on
        limit.start()
        for _ in range(12): # lines: a system call is among them, in which the thread waits
            lines.append(run("next"))
        limit.cancel()
        check("steps over system calls end", gdb.selected_thread() == t and not [l for l in lines if "error" in l or "SIGINT" in l], lines)
        check("with the thread in user mode", "on processor" in [l for l in run("info threads").splitlines() if l.startswith("*")][0], run("info threads"))
else:
    at = lambda: int(re.search(r"stop (\d+) of", run("monitor why")).group(1))
    last = int(re.search(r"of (\d+)", run("monitor why")).group(1))
    check("it begins with the first stop", at() == 1, at())
    gdb.execute("continue")
    check("forward", at() == 2, at())
    gdb.execute("stepi")
    check("a step is a stop", at() == 3, at())
    gdb.execute("reverse-continue")
    check("back", at() == 2, at())
    gdb.execute("reverse-stepi")
    check("and to the first", at() == 1, at())
    run("reverse-continue")
    check("before which there is none", at() == 1, at())
    run("monitor stop %d" % last)
    check("to any stop", at() == last, at())
    run("continue")
    check("behind the last there is none", at() == last, at())
    check("what became of restored states", "ignored" in run("monitor verdicts").lower(), run("monitor verdicts"))
    run("monitor stop 1")
    gdb.execute("continue")
    check("threads come and go with stops", len(threads()) > 8)
    check("a stop selects who runs", gdb.selected_thread() is not None and gdb.selected_thread().is_valid())
run("detach")
print("done: %d checks" % number)
