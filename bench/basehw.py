# What thaw is measured against on base-hw: a gdb script that reads the same from core of
# the lab guest or of Genode 26.02: all objects with capid and kind, threads with name,
# state and registers, and every protection domain's capabilities. Nodes of trees, of which
# there are many, are read in one piece each.
#
#   gdb -batch -ex 'target remote ADDR' -x bench/basehw.py CORE
#
# It prints what it found, the seconds that reading took, and gdb's own processor time.

import gdb
import struct
import time

inferior = gdb.selected_inferior()


def offset(typ, name):
    """Where a member or base class lies in a class, at any depth."""
    return field(typ, name)[0]


def field(typ, name):
    for f in typ.strip_typedefs().fields():
        if f.name == name:
            return f.bitpos // 8, f.type
    for f in typ.strip_typedefs().fields():
        if f.is_base_class:
            inner = field(f.type, name)
            if inner:
                return f.bitpos // 8 + inner[0], inner[1]
    return None


class Kernel:
    def __init__(self):
        ref, ident, obj = (gdb.lookup_type("Kernel::" + n) for n in ("Object_identity_reference", "Object_identity", "Object"))
        self.node = offset(ref, "Genode::Avl_node_base")
        self.ref_size, self.ident_size, self.obj_size = ref.sizeof, ident.sizeof, obj.sizeof
        self.child = offset(ref, "_child")
        self.capid, self.identity = offset(ref, "_capid"), offset(ref, "_identity")
        self.object = offset(ident, "_object")
        self.type, self.obj = offset(obj, "_type"), offset(obj, "_obj")
        self.kinds = {f.enumval: f.name.split("::")[-1] for f in gdb.lookup_type("Kernel::Object::Type").fields()}
        self.thread = gdb.lookup_type("Kernel::Thread").pointer()
        self.state = gdb.lookup_type("Genode::Cpu_state").pointer()
        self.pd = gdb.lookup_type("Kernel::Pd")
        self.tree = offset(self.pd, "_cap_tree")
        main = gdb.lookup_global_symbol("Kernel::Main::_instance").value().dereference()
        kobj = main["_core_platform_pd"]["_kobj"]
        self.core = int(kobj.address) + offset(kobj.type, "_space")
        self.known = {}

    def capabilities(self, pd):
        """Capid and identity of each."""
        out = []
        todo = list(struct.unpack("<Q", inferior.read_memory(pd + self.tree + self.child, 8).tobytes()))
        while todo:
            p = todo.pop()
            if not p:
                continue
            raw = inferior.read_memory(p - self.node, self.ref_size).tobytes()
            todo += struct.unpack_from("<2Q", raw, self.child)
            out.append((struct.unpack_from("<H", raw, self.capid)[0], struct.unpack_from("<Q", raw, self.identity)[0]))
        return out

    def named(self, identity):
        """Kind and address of the object that an identity is of."""
        if identity not in self.known:
            to = struct.unpack_from("<Q", inferior.read_memory(identity, self.ident_size).tobytes(), self.object)[0]
            raw = inferior.read_memory(to, self.obj_size).tobytes()
            self.known[identity] = self.kinds[struct.unpack_from("<I", raw, self.type)[0]], struct.unpack_from("<Q", raw, self.obj)[0]
        return self.known[identity]

    def read_thread(self, addr):
        t = gdb.Value(addr).cast(self.thread).dereference()
        regs = t["regs"]["_obj"].referenced_value().cast(gdb.lookup_type("Board::Cpu::Context")).address.cast(self.state).dereference()
        return t["_label"].string(), int(t["_state"]), int(t["_paused"]), int(regs["ip"]), int(regs["sp"])


def main():
    k = Kernel()
    begin, cpu = time.monotonic(), time.process_time()
    objects, threads, pds = 0, set(), {k.core}
    for capid, identity in k.capabilities(k.core):
        objects += 1
        kind, addr = k.named(identity)
        if kind == "THREAD" and addr not in threads:
            threads.add(addr)
            k.read_thread(addr)
        elif kind == "PD":
            pds.add(addr)
    caps = 0
    for pd in pds:
        for capid, identity in k.capabilities(pd):
            k.named(identity)
            caps += 1
    print("gdb: %d objects, %d threads, %d capabilities in %.6f s, %.6f s of gdb's" % (objects, len(threads), caps, time.monotonic() - begin, time.process_time() - cpu))


main()
