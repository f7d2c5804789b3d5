# Prints NOVA's kernel objects, one row each, for gdb -batch with the hypervisor's ELF as
# file, core's beside it ($thaw_core) and a stopped guest as target. It reads the tables
# of capabilities that the kernel itself looks things up in, through each protection
# domain's page tables, and follows the kernel's classes by gdb's own reading of the debug
# info. It shares nothing with thaw's decoder.
import gdb

WORD = (1 << 64) - 1
PERMISSIONS = 0x1f          # bits of a Capability
TABLE = WORD + 1 - 0x20000000   # SPC_LOCAL_OBJ, where each protection domain has its table
CALL = {'PD': ('pd', 'ec', 'sc', 'pt', 'sm'), 'EC': ('ctrl', '1', 'sc', 'pt', '4'), 'SC': ('ctrl', '1', '2', '3', '4'),
        'PT': ('ctrl', 'call', '2', '3', 'xcpu'), 'SM': ('up', 'dn', '2', '3', '4')}
CLASS = {'PD': 'Pd', 'EC': 'Ec', 'SC': 'Sc', 'PT': 'Pt', 'SM': 'Sm'}


def typ(name):
    return gdb.lookup_type(name)


def at(addr, name):
    return gdb.Value(addr).cast(typ(name).pointer()).dereference()


def num(value):
    return int(value) & WORD


def physical(on):
    gdb.execute('maintenance packet Qqemu.PhyMemMode:%d' % on, to_string=True)
    gdb.execute('maintenance flush dcache', to_string=True)


def read(phys, n):
    return bytes(gdb.selected_inferior().read_memory(phys, n))


def entries(table):
    """Present entries of a page table, by index. Memory is physical."""
    raw = read(table, 4096)
    for i in range(512):
        e = int.from_bytes(raw[8 * i:8 * i + 8], 'little')
        if e & 1:
            yield i, e


def frames(table, level, virt, first):
    """Pages from a virtual address on."""
    for i, e in entries(table):
        v = virt | i << (12 + 9 * (level - 1))
        if v + (1 << (12 + 9 * (level - 1))) <= first:
            continue
        phys = e & 0x000ffffffffff000
        if level == 1:
            yield v, phys
        elif e & 0x80:
            for k in range(1 << 9 * (level - 1)):
                yield v + (k << 12), phys + (k << 12)
        else:
            yield from frames(phys, level - 1, v, first)


def table_of(root):
    """Capabilities of the protection domain with these page tables, by selector. The page
    for what was never there is one for all."""
    out = {}
    raw = read(root + 8 * 511, 8)
    top = int.from_bytes(raw, 'little')
    if not top & 1:
        return out
    for virt, phys in frames(top & 0x000ffffffffff000, 3, WORD + 1 - (1 << 39), TABLE):
        if virt < TABLE:
            continue
        raw = read(phys, 4096)
        for i in range(512):
            word = int.from_bytes(raw[8 * i:8 * i + 8], 'little')
            if word & PERMISSIONS and word >> 32 == 0xffffffff:
                out[(virt - TABLE) // 8 + i] = word
    return out


def walk(root, virt):
    """Physical address behind a virtual one, None if it is not mapped."""
    table = root
    for level in (4, 3, 2, 1):
        e = int.from_bytes(read(table + 8 * (virt >> (12 + 9 * (level - 1)) & 511), 8), 'little')
        if not e & 1:
            return None
        base = e & 0x000ffffffffff000
        size = 1 << (12 + 9 * (level - 1))
        if level == 1 or level < 4 and e & 0x80:
            return (base & ~(size - 1)) | virt & (size - 1)
        table = base


def offset(name, *path):
    """Where a member lies in a class, through members and base classes."""
    t, off = typ(name).strip_typedefs(), 0
    for p in path:
        def find(t):
            for f in t.fields():
                if f.name == p and not f.is_base_class:
                    return f.bitpos // 8, f.type
            for f in t.fields():
                if f.is_base_class or f.name is None:
                    r = find(f.type.strip_typedefs())
                    if r:
                        return f.bitpos // 8 + r[0], r[1]
        r = find(t)
        off, t = off + r[0], r[1].strip_typedefs()
    return off


class Memory:
    """Memory of a protection domain."""

    def __init__(self, root):
        self.root = root

    def bytes(self, virt, n):
        out = b''
        while n:
            k = min(n, 4096 - (virt & 4095))
            phys = walk(self.root, virt)
            if phys is None:
                return None
            out, virt, n = out + read(phys, k), virt + k, n - k
        return out

    def word(self, virt):
        b = self.bytes(virt, 8)
        return None if b is None else int.from_bytes(b, 'little')

    def text(self, virt, n):
        b = self.bytes(virt, n)
        return '' if b is None else b.split(b'\0')[0].decode('latin-1')


def base(value, name):
    """A base class's part of an object."""
    for f in value.type.strip_typedefs().fields():
        if f.is_base_class:
            if f.name == name:
                return value[f]
            r = base(value[f], name)
            if r is not None:
                return r
    return None


def continuation(value):
    """A continuation in the words of the source."""
    if not num(value):
        return ''
    name = gdb.execute('info symbol %#x' % num(value), to_string=True).split(' in section')[0].strip()
    if name.startswith('void '):
        name = name[5:]
    name = name.replace('Ec::', '').replace('&', '').replace('()', '')
    if 'sys_finish<(Sys_regs::Status)' in name:
        number, _, more = name[len('sys_finish<(Sys_regs::Status)'):-1].partition(', ')
        word = str(gdb.Value(int(number)).cast(typ('Sys_regs::Status'))).split('::')[-1]
        name = 'sys_finish<%s%s>' % (word, ', true' if more == 'true' else '')
    return name


def main():
    kinds = {}
    for f in typ('Kobject::Type').fields():
        kinds[f.enumval] = f.name.split('::')[-1]
    cpus = len(gdb.selected_inferior().threads())

    def kind(a):
        o = at(a, 'Kobject')
        return kinds.get(int(o['objtype']), '?')

    def symbol(name):
        return num(gdb.parse_and_eval("(unsigned long)&'%s'" % name))

    def root_of(pd):
        loc = at(pd, 'Pd')['loc']
        roots = [num(loc[i]['val']) & ~0xfff for i in range(cpus)]
        return next((r for r in roots if r), 0)

    kern = symbol('Pd::kern')

    def tree_of(pd):
        out, todo = {}, [num(base(at(pd, 'Pd'), 'Space_obj')['tree'])]
        while todo:
            n = todo.pop()
            if n:
                node = at(n, 'Mdb')
                out[num(node['node_base'])] = num(node['node_phys']) | num(node['node_attr'])
                todo += [num(node['lnk'][0]), num(node['lnk'][1])]
        return out

    # Protection domains, by the tables of those that are known.
    order, tables, roots = [symbol('Pd::root'), symbol('Pd::kern')], {}, {}
    objects = {}
    for pd in order:
        roots[pd] = root_of(pd)
        master = num(at(pd, 'Pd')['hpt']['val']) & 0x000ffffffffff000
        physical(1)
        tables[pd] = table_of(master) if pd != kern else {}
        physical(0)
        if pd == kern:  # it has no table: its objects stand in its tree only
            tables[pd] = tree_of(pd)
        for sel, value in sorted(tables[pd].items()):
            a = value & ~PERMISSIONS & WORD
            if a not in objects:
                objects[a] = kind(a)
            if objects[a] == 'PD' and a not in order:
                order.append(a)
    contexts = [a for a, k in objects.items() if k == 'EC']
    running = {}
    for t in gdb.selected_inferior().threads():
        t.switch()
        running[num(gdb.parse_and_eval('Ec::current'))] = t.num
        for extra in (num(gdb.parse_and_eval('Ec::current')), num(gdb.parse_and_eval('Ec::ec_idle'))):
            if extra not in contexts:
                contexts.append(extra)
    for a, k in list(objects.items()):  # whom a portal or a scheduling context belongs to
        if k in ('PT', 'SC'):
            ec = num(at(a, CLASS[k])['ec']['ptr'])
            if ec and ec not in contexts:
                contexts.append(ec)
    for a in list(contexts):  # what calls on another processor for it
        other = num(at(a, 'Ec')['ec_xcpu'])
        if other and other not in contexts:
            contexts.append(other)
    queue = {}
    for a, k in objects.items():
        if k != 'SM':
            continue
        e = head = num(base(at(a, 'Sm'), 'Queue<Ec>')['headptr'])
        while e:
            queue[e] = a
            e = num(at(e, 'Ec')['next'])
            if e == head:
                break
            if e not in contexts:
                contexts.append(e)

    # Names: of threads by their stacks, of protection domains by core's pager objects.
    stack, utcb = offset('Genode::Stack', '_name', '_buf'), offset('Genode::Stack', '_utcb')
    names, labels = {}, {symbol('Pd::root'): 'core', symbol('Pd::kern'): 'kernel'}
    slots = {}
    for sel, value in tables[symbol('Pd::root')].items():
        slots.setdefault(value & ~PERMISSIONS & WORD, []).append(sel)
    info = {a: (num(at(a, 'Ec')['pd']['ptr']), num(at(a, 'Ec')['user_utcb']), num(at(a, 'Ec')['evt'])) for a in contexts}
    fault = int(gdb.parse_and_eval('(int)Nova::PT_SEL_PAGE_FAULT'))
    pager = {}
    for a in contexts:
        pd, _, evt = info[a]
        pt = tables.get(pd, {}).get(evt + fault, 0) & ~PERMISSIONS & WORD
        if pt and objects.get(pt) == 'PT':
            pager[a] = num(at(pt, 'Pt')['id'])
    physical(1)
    core = Memory(roots[symbol('Pd::root')])
    thread_name = offset('Core::Platform_thread', '_name', '_buf')
    badge, thread_pd, pd_name = offset('Core::Pager_object', '_badge'), offset('Core::Platform_thread', '_pd'), offset('Core::Platform_pd', 'name', '_buf')
    for a in contexts:
        pd, user, _ = info[a]
        if not user or not roots.get(pd):
            continue
        names[a] = Memory(roots[pd]).text(user - utcb + stack, 32)
        t = core.word(pager[a] + badge) if a in pager else None
        p = core.word(t + thread_pd) if t else None
        if p and pd not in labels:
            labels[pd] = core.text(p + pd_name, 160)
        if p and names[a] == 'main':  # core gives it another one
            names[a] = core.text(t + thread_name, 32)
    physical(0)
    for a in contexts:
        if num(at(a, 'Ec')['ec_xcpu']):
            names[num(at(a, 'Ec')['ec_xcpu'])] = names.get(a, '') + ' (xcpu)'

    def label(a):
        return '%s -> %s' % (labels.get(info[a][0], '?'), names.get(a, '')) if a in info else '?'

    def began(cpu):
        """Where the state of the context that a processor runs stands, by the outermost function that gdb finds on its stack."""
        next(t for t in gdb.selected_inferior().threads() if t.num == cpu).switch()
        if num(gdb.parse_and_eval('$cs')) & 3:
            return ' from cpu'
        frame, name = gdb.newest_frame(), ''
        if frame.name() == 'entry_sysenter':  # nothing is saved so far
            return ' from cpu'
        while frame is not None and frame.is_valid():
            name = frame.name() or name
            frame = frame.older()
        interrupts = ('Ec::handle_exc', 'Gsi::vector', 'Lapic::', 'Dmar::', 'Iommu', 'ret_user_iret', 'Ec::send_msg<Ec::ret_user_iret>', 'entry_', 'ret_from_interrupt')
        return ' from ' + ('regs' if name.startswith(interrupts) else 'syscall regs')

    for a in sorted(contexts):
        ec = at(a, 'Ec')
        regs, cont = ec['regs'], continuation(ec['cont'])
        state = [cont] if cont else []
        if num(ec['next']) or not cont:
            state.append('blocked')
        hazards = num(regs['hzd'])
        state += ['recall'] if hazards & 0x80000000 else []
        state += ['step'] if hazards & 0x40000000 else []
        if a in running:
            state.append('*')
        wait = ''
        if a in running:
            pass
        elif num(ec['partner']):
            wait = 'calls ' + label(num(ec['partner']))
        elif num(ec['next']):
            wait = 'waits at %x' % queue.get(a, 0)
        elif cont == 'sys_call':
            pt = tables[info[a][0]].get(num(regs['rdi']) >> 8, 0) & ~PERMISSIONS & WORD
            if objects.get(pt) == 'PT' and num(at(num(at(pt, 'Pt')['ec']['ptr']), 'Ec')['cont']):
                wait = 'calls ' + label(num(at(pt, 'Pt')['ec']['ptr']))
        kept = ''
        if info[a][1]:
            by, ip = ('regs', num(regs['rip'])) if cont in ('ret_user_iret', 'send_msg<ret_user_iret>') else ('syscall regs', num(regs['rcx']))
            kept = ' from %s' % (by if ip else 'none') if a not in running else began(running[a])
            kept += ' ip %x sp %x ip %x sp %x' % (num(regs['rip']), num(regs['rsp']), num(regs['rcx']), num(regs['r11']))
        print(('thread %s %x %s: %s%s %s' % ('%x' % min(slots[a]) if a in slots else '-', a, label(a), ' '.join(state), kept, wait)).strip())
    for pd in order:
        print(('pd %x %x %d %s' % (pd, roots[pd], len(tables[pd]), labels.get(pd, ''))).strip())
        for sel, value in sorted(tables[pd].items()):
            a = value & ~PERMISSIONS & WORD
            k = objects[a]
            words = ','.join(CALL[k][b] for b in range(5) if value >> b & 1)
            what = ''
            if k == 'PT':
                what = 'of %s id %x' % (label(num(at(a, 'Pt')['ec']['ptr'])), num(at(a, 'Pt')['id']))
            elif k == 'SC':
                what = 'of ' + label(num(at(a, 'Sc')['ec']['ptr']))
            elif k == 'SM':
                what = 'counter %d' % num(at(a, 'Sm')['counter'])
            elif k == 'EC':
                what = label(a)
            elif k == 'PD':
                what = 'PD ' + labels.get(a, '')
            print(('cap %x %x %x %s %s %s' % (pd, sel, a, k, words, what)).strip())
    print('complete')


main()
