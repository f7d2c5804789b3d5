# Prints seL4's kernel objects (Genode's debug build for x86_64), one row each, for gdb
# -batch with kernel.elf as file, core's beside it ($thaw_core) and a stopped guest as
# target. It reads physical memory where the kernel's own macros say that its window and
# its image lie, takes members from gdb's reading of the debug info, and bit fields from
# the text of structures.bf, most significant first. It shares nothing with thaw's decoder.
import gdb

WINDOW = 0xffffff8000000000  # PPTR_BASE
IMAGE = 0xffffffff80000000   # KERNEL_ELF_BASE_OFFSET
LISTED = 16384               # slots of a CNode that rows are made of


def block(text):
    """Fields of a block of structures.bf: {name: (bit from below, bits, shifted left)}; words above are the high ones."""
    fields = [f.split(':') for f in text.split()]
    total = sum(int(f[1]) for f in fields)
    out, at = {}, total
    for f in fields:
        n = int(f[1])
        at -= n
        out[f[0]] = (at, n, 48 - n if len(f) > 2 else None)
    return out


def get(number, fields, name):
    at, bits, left = fields[name]
    v = number >> at & (1 << bits) - 1
    if left is not None:
        v <<= left
        if v >> 47 & 1:
            v |= 0xffff << 48
    return v


CAP = {
    'endpoint': block('badge:64 type:5 grantreply:1 grant:1 recv:1 send:1 _:7 ptr:48:h'),
    'notification': block('badge:64 type:5 recv:1 send:1 _:9 ptr:48:h'),
    'reply': block('ptr:64 type:5 _:57 grant:1 master:1'),
    'cnode': block('guard:64 type:5 size:6 radix:6 ptr:47:h'),
    'thread': block('_:64 type:5 _:11 ptr:48:h'),
    'pml4': block('ptr:64 type:5 mapped:1 _:46 asid:12'),
    'frame': block('asid:16 ptr:48:h type:5 fsize:2 map:2 address:48:h rights:2 device:1 _:4'),
    'untyped': block('index:48 _:9 device:1 bits:6 type:5 _:11 ptr:48:h'),
    'irq_handler': block('irq:64 type:5 _:59'),
}
STATE = block('badge:64 _:60 cangrant:1 cangrantreply:1 iscall:1 queued:1 _:16 object:44:h type:4')
STATE['object'] = (STATE['object'][0], 44, 4)
FAULT = block('_:64 _:60 type:4')
NOTIFICATION = block('_:16 bound:48:h id:64 _:16 head:48:h tail:48:h _:14 state:2')
KIND = {'endpoint': 'Endpoint', 'notification': 'Notification', 'reply': 'TCB', 'cnode': 'CNode', 'thread': 'TCB', 'pml4': 'VSpace'}
RIGHTS = {'endpoint': ('send', 'recv', 'grant', 'grantreply'), 'notification': ('send', 'recv'), 'reply': ('master', 'grant')}
cache = {}


def read(phys, n):
    out = b''
    while n:
        page = phys & ~4095
        if page not in cache:
            cache[page] = bytes(gdb.selected_inferior().read_memory(page, 4096))
        k = min(n, 4096 - (phys & 4095))
        out, phys, n = out + cache[page][phys & 4095:(phys & 4095) + k], phys + k, n - k
    return out


def kernel(virt, n):
    return read(virt - (IMAGE if virt >= IMAGE else WINDOW), n)


def number(virt, n=8):
    return int.from_bytes(kernel(virt, n), 'little')


def user(root, virt, n):
    out = b''
    while n:
        table = root
        for level in (3, 2, 1, 0):
            e = int.from_bytes(read(table + 8 * (virt >> (12 + 9 * level) & 511), 8), 'little')
            if not e & 1:
                return None
            table, size = e & 0x000ffffffffff000, 1 << (12 + 9 * level)
            if level == 0 or e & 0x80:
                break
        k = min(n, size - (virt & size - 1))
        out, virt, n = out + read((table & ~(size - 1)) + (virt & size - 1), k), virt + k, n - k
    return out


def text(raw):
    return '' if raw is None else raw.split(b'\0')[0].decode('latin-1')


def typ(name):
    """A type of the kernel, which is written in C, or of core."""
    for kind in ('', 'struct ', 'enum '):
        try:
            return gdb.lookup_type(kind + name)
        except gdb.error:
            pass
    raise gdb.error('no type ' + name)


def offset(name, path):
    """Where a member lies, and how large it is."""
    t, off = typ(name).strip_typedefs(), 0
    for p in path.split('.'):
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
    return off, t.sizeof


def enum(name, strip):
    return {f.enumval: f.name[len(strip):] for f in typ(name).fields()}


def constant(name):
    return int(gdb.parse_and_eval("(int)'%s'" % name))


def symbol(name):
    return int(gdb.parse_and_eval("(unsigned long)&'%s'" % name))


def entry(symbol):
    """Whether a processor is in the assembly that pushes registers, right into the TCB."""
    name = symbol.split()[0]
    return name in ('handle_fastsyscall', 'handle_syscall', 'handle_interrupt', 'c_x64_handle_interrupt') or name.startswith('int_')


def main():
    tags, states, faults = enum('cap_tag', 'cap_'), enum('_thread_state', 'ThreadState_'), enum('seL4_Fault_tag', 'seL4_Fault_')
    size = typ('tcb').sizeof
    half = 1
    while half < size:
        half *= 2
    ksmp, stride = symbol('ksSMP'), typ('smpStatedata').sizeof

    def node(n, member):
        return ksmp + n * stride + offset('smpStatedata', 'system.' + member)[0]

    where = {n: constant(n) for n in ('tcbCTable', 'tcbVTable', 'tcbCaller', 'tcbArchCNodeEntries', 'NextIP', 'FaultIP', 'RSP')}
    core = {}
    for key, (of, path) in {'stack': ('Genode::Stack', '_name._buf'), 'utcb': ('Genode::Stack', '_utcb'), 'name': ('Core::Platform_thread', '_name._buf'),
                             'pd': ('Core::Platform_thread', '_pd'), 'sel': ('Core::Platform_thread', '_info.tcb_sel._value'),
                             'space': ('Core::Platform_pd', '_vm_space._space'), 'label': ('Core::Vm_space', 'name._buf')}.items():
        core[key] = offset(of, path)
    inst = symbol('platform_thread_registry()::inst')
    cpus = []
    for t in sorted(gdb.selected_inferior().threads(), key=lambda t: t.num):
        t.switch()
        cpus.append((int(gdb.parse_and_eval('$cs')) & 3, entry(gdb.execute('info symbol $rip', to_string=True)), (int(gdb.parse_and_eval('$rip')) & (1 << 64) - 1, int(gdb.parse_and_eval('$rsp')) & (1 << 64) - 1)))
    gdb.execute('maintenance packet Qqemu.PhyMemMode:1', to_string=True)
    gdb.execute('maintenance flush dcache', to_string=True)
    nodes = number(symbol('ksNumCPUs'))

    def capability(virt):
        raw = number(virt, 16)
        tag = tags.get(raw >> 59 & 31, '?')
        tag = tag[:-4] if tag.endswith('_cap') else tag
        f = CAP.get(tag)
        return tag, {} if f is None else {k: get(raw, f, k) for k in f if k != '_'}

    tcbs, running = [], {}
    for n in range(nodes):
        running[number(node(n, 'ksCurThread'))] = n
        at = number(node(n, 'ksDebugTCBs'))
        while at:
            tcbs.append(at)
            at = number(at - half + where['tcbArchCNodeEntries'] * 32 + offset('debug_tcb', 'tcbDebugNext')[0])
        for extra in (number(node(n, 'ksCurThread')), number(node(n, 'ksIdleThread'))):
            if extra not in tcbs:
                tcbs.append(extra)
    info = {}
    answers = {}
    for a in tcbs:
        own = {k: capability(a - half + where[k] * 32) for k in ('tcbCTable', 'tcbVTable', 'tcbCaller')}
        vspace = own['tcbVTable'][1]['ptr'] if own['tcbVTable'][0] == 'pml4' else 0
        info[a] = (vspace, own['tcbCTable'])
        if own['tcbCaller'][0] == 'reply':
            answers[own['tcbCaller'][1]['ptr']] = a
    cspace = {}
    for a in sorted(info, reverse=True):
        cspace[info[a][0]] = info[a][1]
    debug = {a: text(kernel(a - half + where['tcbArchCNodeEntries'] * 32 + 16, 160)) for a in tcbs}
    root = next(a for a in tcbs if debug[a] == 'rootserver')

    def lookup(cap, selector):
        left = 64
        while cap[0] == 'cnode':
            left -= cap[1]['size'] + cap[1]['radix']
            cap = capability(cap[1]['ptr'] + 32 * (selector >> left & (1 << cap[1]['radix']) - 1))
            if not left:
                break
        return cap

    names, labels = {}, {info[root][0]: 'core', 0: 'kernel'}
    for a in tcbs:
        ipc = number(a + offset('tcb', 'tcbIPCBuffer')[0])
        if ipc > core['utcb'][0] and info[a][0]:
            names[a] = text(user(info[a][0] - WINDOW, ipc - core['utcb'][0] + core['stack'][0], 64))
    mine = info[root][0] - WINDOW

    def word(virt, n=8):
        raw = user(mine, virt, n)
        return 0 if raw is None else int.from_bytes(raw, 'little')
    e = word(inst)
    while e:  # a Platform_thread begins with its element of the list
        to = lookup(info[root][1], word(e + core['sel'][0], core['sel'][1]))
        if to[0] == 'thread':
            names[to[1]['ptr']] = text(user(mine, e + core['name'][0], 128))
            labels[info[to[1]['ptr']][0]] = text(user(mine, word(e + core['pd'][0]) + core['space'][0] + core['label'][0], 160))
        e = word(e)
    for a in tcbs:
        if not names.get(a) and not debug[a].startswith('child of: '):
            names[a] = debug[a]

    def label(a):
        return '%s -> %s' % (labels.get(info[a][0], ''), names.get(a, '')) if a in info else '?'

    def table(cap, prefix, left):
        left -= cap[1]['size'] + cap[1]['radix']
        prefix = prefix << cap[1]['size'] | cap[1]['guard']
        for i in range(min(LISTED, 1 << cap[1]['radix'])):
            c = capability(cap[1]['ptr'] + 32 * i)
            if c[0] == 'null':
                continue
            at = prefix << cap[1]['radix'] | i
            if c[0] == 'cnode' and left:
                yield from table(c, at, left)
            else:
                yield at << left, c

    tables = {v: list(table(cspace[v], 0, 64)) if cspace[v][0] == 'cnode' and v else [] for v in cspace}
    first = {}
    for slot, c in sorted(tables[info[root][0]], key=lambda s: s[0]):
        if KIND.get(c[0]) == 'TCB':
            first.setdefault(c[1]['ptr'], slot)
    registers = offset('tcb', 'tcbArch.tcbContext.registers')[0]
    for a in sorted(tcbs):
        st = number(a + offset('tcb', 'tcbState')[0], 24)
        state, object_ = states[get(st, STATE, 'type')], get(st, STATE, 'object')
        fault = faults[get(number(a + offset('tcb', 'tcbFault')[0], 16), FAULT, 'type')]
        words, on = [state] + ([fault] if fault != 'NullFault' else []), a in running
        wait = ''
        if on:
            words.append('*')
        elif state == 'BlockedOnReply':
            wait = 'calls ' + (label(answers[a]) if a in answers else '?')
        elif state == 'BlockedOnNotification':
            wait = 'waits at %x' % object_
        kept = ''
        if info[a][0] and state != 'IdleThreadState':
            ip, fip, sp = (number(a + registers + 8 * where[k]) for k in ('NextIP', 'FaultIP', 'RSP'))
            by = 'FaultIP' if state in ('Inactive', 'Restart') or state.startswith('BlockedOn') and fault != 'NullFault' else 'NextIP'
            if on and cpus[running[a]][0]:
                by = 'cpu'
            elif on and cpus[running[a]][1]:
                by = 'none'
            elif not sp and not (fip if by == 'FaultIP' else ip):
                by = 'none'
            kept = ' from %s ip %x sp %x ip %x sp %x' % (by, fip, sp, ip, sp)
        print(('thread %s %x %s: %s%s %s' % ('%x' % first[a] if a in first else '-', a, label(a), ' '.join(words), kept, wait)).strip())
    tables.setdefault(0, [])
    for v in sorted(tables):
        at = v or symbol('x64KSKernelPML4')
        print(('pd %x %x %d %s' % (at, at - (WINDOW if v else IMAGE), len(tables[v]), labels.get(v, ''))).strip())
        for slot, (tag, f) in sorted(tables[v], key=lambda s: s[0]):
            kind = KIND.get(tag)
            rights = ','.join(r for r in RIGHTS.get(tag, ()) if f[r])
            more = 'badge %x' % f['badge'] if f.get('badge') and rights else ''
            if kind is None:
                what = tag
                if tag == 'frame':
                    what += ' %x of %s' % (f['ptr'], ('4 KiB', '2 MiB', '1 GiB')[f['fsize']])
                elif tag == 'untyped':
                    what += ' %x of 2^%d bytes' % (f['ptr'], f['bits'])
                elif tag == 'irq_handler':
                    what += ' %x' % f['irq']
                print('cap %x %x - %s' % (at, slot, what))
                continue
            what = kind
            if kind == 'TCB':
                what = label(f['ptr'])
            if rights:
                more = 'reply' if tag == 'reply' else more
                print(('cap %x %x %x %s %s %s' % (at, slot, f['ptr'], kind, rights, (what + ' ' + more).strip())).strip())
            else:
                print(('cap %x %x %x %s' % (at, slot, f['ptr'] & (1 << 39) - 1, what)).strip())
    gdb.execute('maintenance packet Qqemu.PhyMemMode:0', to_string=True)
    print('complete')


main()
