# What thaw is measured against: a gdb script that reads the same from the
# kernel of the lab guest or of Fiasco.OC (16.08): all objects with id, class and
# name, threads with state and frame, and every task's capability table.
#
#   gdb -batch -ex 'target remote ADDR' -x bench/objects.py KERNEL
#
# It prints what it found, the seconds that reading took, and gdb's own processor
# time.

import gdb
import struct
import time

inferior = gdb.selected_inferior()
word = gdb.lookup_type("unsigned long")


def read(addr, n):
    return inferior.read_memory(addr, n).tobytes()


def u64(addr):
    return struct.unpack("<Q", read(addr, 8))[0]


def class_of(addr):
    text = gdb.execute("info symbol %d" % u64(addr), to_string=True)
    return text.split(" ")[2] if text.startswith("vtable for ") else None


def offset(typ, base):
    """Where a base class lies in a class, at any depth; None if it is none."""
    for f in typ.fields():
        if not f.is_base_class:
            continue
        if f.type.name == base:
            return f.bitpos // 8
        inner = offset(f.type, base)
        if inner is not None:
            return f.bitpos // 8 + inner
    return None


class Kernel:
    def __init__(self):
        self.dbg = gdb.lookup_type("Kobject_dbg")
        self.block = int(gdb.parse_and_eval("(int)Context_base::Size"))
        self.entry = gdb.lookup_type("Obj::Entry").sizeof
        self.start = int(gdb.parse_and_eval("(unsigned long)Mem_layout::Caps_start"))
        self.end = int(gdb.parse_and_eval("(unsigned long)Mem_layout::Caps_end"))
        self.types = {}

    def type(self, name):
        if name not in self.types:
            t = gdb.lookup_type(name)
            self.types[name] = (t, offset(t, "Kobject_dbg"))
        return self.types[name]

    def objects(self):
        head = gdb.parse_and_eval("&Kobject_dbg::_kobjects._h")
        link = offset(self.dbg, "cxx::D_list_item")
        item = head["_dli_next"]
        while item != head:
            yield int(item) - link
            item = item["_dli_next"]

    def name(self, dbg):
        ext = dbg["_jdb_data"]["_f"]
        while int(ext):
            t = gdb.lookup_type("Kobject_dbg::Dbg_extension")
            base = int(ext) - offset(t, "cxx::H_list_item")
            if class_of(base) == "Jdb_kobject_name":
                return gdb.Value(base).cast(gdb.lookup_type("Jdb_kobject_name").pointer())["_name"].string(length=15)
            ext = ext["_n"]
        return ""

    def thread(self, value, addr):
        frame = addr + self.block - gdb.lookup_type("Entry_frame").sizeof
        f = gdb.Value(frame).cast(gdb.lookup_type("Entry_frame").pointer())
        return int(value["_state"]), int(f["_rip"]), int(f["_rsp"]), int(value["_exc_cont"]["_ip"])

    def physical(self, on):
        gdb.execute("maintenance packet Qqemu.PhyMemMode:%d" % on, to_string=True)
        gdb.execute("maintenance flush dcache", to_string=True)

    def walk(self, table, level, base, out):
        raw = read(table, 4096)
        shift = 12 + 9 * (level - 1)
        for i in range(512):
            e = struct.unpack_from("<Q", raw, i * 8)[0]
            virt = base + (i << shift)
            if not e & 1 or virt + (1 << shift) <= (self.start & (1 << 48) - 1) or virt >= (self.end & (1 << 48) - 1):
                continue
            if level == 1:
                out.append((virt, e & 0x000FFFFFFFFFF000))
            elif not e & 0x80:
                self.walk(e & 0x000FFFFFFFFFF000, level - 1, virt, out)

    def caps(self, root):
        pages, n = [], 0
        self.walk(root, 4, 0, pages)
        for virt, phys in pages:
            raw = read(phys, 4096)
            for off in range(0, 4096, self.entry):
                if struct.unpack_from("<Q", raw, off)[0] & ~3:
                    n += 1
        return n


def main():
    k = Kernel()
    begin, cpu = time.monotonic(), time.process_time()
    objects, threads, roots = 0, 0, []
    for addr in k.objects():
        cls = class_of(addr)
        typ, off = k.type(cls)
        value = gdb.Value(addr - off).cast(typ.pointer()).dereference()
        dbg = gdb.Value(addr).cast(k.dbg.pointer()).dereference()
        int(dbg["_dbg_id"]), k.name(dbg)
        objects += 1
        if offset(typ, "Thread") is not None:
            k.thread(value, addr - off)
            threads += 1
        elif offset(typ, "Mem_space") is not None and int(value["_dir"]):
            roots.append(int(value["_dir"]))
    # The roots are kernel addresses: all RAM stands at Mem_layout::Physmem in
    # the lab guest, at its own base in Fiasco.OC.
    physmem = int(gdb.parse_and_eval("(unsigned long)Mem_layout::Physmem"))
    k.physical(1)
    caps = sum(k.caps(r - physmem) for r in roots)
    k.physical(0)
    print("gdb: %d objects, %d threads, %d capabilities in %.6f s, %.6f s of gdb's" % (objects, threads, caps, time.monotonic() - begin, time.process_time() - cpu))


main()
