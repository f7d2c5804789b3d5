# Prints base-hw's kernel objects, one row each, for gdb -batch with core's ELF as file and
# a stopped guest as target. It follows the kernel's classes by gdb's own reading of the
# debug info and shares nothing with thaw's decoder.
import gdb

WORD = (1 << 64) - 1
OIR = 'Kernel::Object_identity_reference'


def typ(name):
    return gdb.lookup_type(name)


def obj(addr, name):
    return gdb.Value(addr).cast(typ(name).pointer()).dereference()


def addr(value):
    return int(value.address) & WORD


def num(value):
    return int(value) & WORD


def find(value, name):
    """A member by its name, in the class or a base."""
    fields = value.type.strip_typedefs().fields()
    for f in fields:
        if f.name == name and not f.is_base_class:
            return value[f]
    for f in fields:
        if f.is_base_class:
            r = find(value[f], name)
            if r is not None:
                return r
    return None


def base(value, name):
    """A base class's part of an object."""
    if value.type.strip_typedefs().name == name:
        return value
    for f in value.type.strip_typedefs().fields():
        if f.is_base_class:
            r = base(value[f], name)
            if r is not None:
                return r
    return None


def text(value):
    if value.type.strip_typedefs().code == gdb.TYPE_CODE_ARRAY:
        value = value.address.cast(typ('char').pointer())
    return value.string('latin-1').split('\0')[0] if int(value) else ''


def word(value):
    return str(value).split('::')[-1]


def capabilities(tree):
    """References of a tree, by capid."""
    out, todo = [], [base(tree, 'Genode::Avl_node_base')['_child'][0]]
    while todo:
        p = todo.pop()
        if int(p):
            out.append(p.cast(typ(OIR).pointer()).dereference())
            todo += [p.dereference()['_child'][0], p.dereference()['_child'][1]]
    return sorted(out, key=lambda r: int(r['_capid']))


class Today:
    """Genode 25.08 to 26.02."""

    def __init__(self):
        at = addr(gdb.lookup_global_symbol('Kernel::Main::_instance').value())
        for moved in (0, 0x1000, 0x2000):   # core is linked again with its boot modules
            main = obj(at + moved, 'unsigned long')
            if int(main):
                break
        self.main = obj(int(main), 'Kernel::Main')
        kobj = self.main['_core_platform_pd']['_kobj']
        self.core = find(kobj, '_space').address.cast(typ('Kernel::Core_object<Kernel::Pd>').pointer()).dereference()

    def root(self):
        return base(self.core, 'Kernel::Pd')

    def cpus(self):
        c = self.main['_cpu_pool']['_cpus']['_first']
        while int(c):
            yield c.dereference()
            c = base(c.dereference(), 'Genode::List<Kernel::Cpu>::Element')['_next']

    def kind(self, o):
        return word(o['_type']), num(o['_obj'])

    def name(self, pd):
        return text(pd['_core_data']['name']['_buf'])

    def table(self, pd):
        return num(pd['_core_data']['table_phys_addr'])

    def pd(self, t):
        return addr(t['_pd'].referenced_value())

    def node(self, t):
        return addr(t['_ipc_node'])

    def asks(self, t):
        """Node that it waits for, and whether a call waits."""
        out = t['_ipc_node']['_out']
        return num(out['node']) if word(out['state']) != 'READY' else 0

    def context(self, t):
        return addr(base(t, 'Kernel::Scheduler::Context'))

    def current(self, cpu):
        return num(cpu['_scheduler']['_current'])

    def helps(self, t):
        return num(base(t, 'Kernel::Scheduler::Context')['_destination'])

    def exception(self, t):
        e = word(t['_exception_state'])
        return '' if e == 'NO_EXCEPTION' else ' ' + e

    def receiver(self, t):
        return num(t['_signal_handler']['_receiver'])

    def handler(self, r):
        h = r['_handler']
        return num(h['_thread'].address) if int(h) else 0


def static(of):
    """An object of a function's own."""
    return num(gdb.parse_and_eval("(unsigned long)&'unmanaged_singleton<%s, 8>()::object_space'" % of))


def has(value, name):
    return find(value, name) is not None


class Between(Today):
    """Genode 21.11 to 25.05: the same roots, and of all else the older form or the newer."""

    def cpus(self):
        if has(self.main['_cpu_pool']['_cpus'], '_first'):
            yield from super().cpus()
            return
        all = self.main['_cpu_pool']['_cpus']
        first, last = all.type.range()
        for i in range(first, last + 1):
            if not int(find(all[i], '_constructed')):
                return
            yield obj(addr(find(all[i], '_space')), 'Kernel::Cpu')

    def space(self):
        """The namespace of core."""
        try:
            typ('Core::Platform_thread')
            return 'Core'
        except gdb.error:
            return 'Genode'

    def name(self, pd):
        return text(pd['_platform_pd'].referenced_value()['_label'])

    def table(self, pd):
        return num(find(pd['mmu_regs'], 'cr3'))

    def pd(self, t):
        if int(t['_pd']):
            return num(t['_pd'])
        whole = self.space() + '::Platform_thread'
        inside = addr(find(obj(0x1000, whole)['_kobj'], '_space')) - 0x1000
        to = obj(addr(t) - inside, whole)['_pd']
        to = to.dereference() if to.type.strip_typedefs().code == gdb.TYPE_CODE_PTR else to.referenced_value()
        return addr(find(find(to, '_kobj'), '_space'))

    def asks(self, t):
        if has(t['_ipc_node'], '_out'):
            return super().asks(t)
        return num(t['_ipc_node']['_callee']) if word(t['_ipc_node']['_state']) == 'AWAIT_REPLY' else 0

    def context(self, t):
        share = base(t, 'Kernel::Cpu_share')
        return super().context(t) if share is None else addr(share)

    def current(self, cpu):
        head = find(cpu['_scheduler'], '_head')
        return super().current(cpu) if head is None else num(head)

    def helps(self, t):
        flag = find(t['_ipc_node'], '_help')
        if flag is None and base(t, 'Kernel::Cpu_job') is None:
            return super().helps(t)
        to = self.asks(t)
        if not to or not (int(flag) if flag is not None else word(t['_ipc_node']['_out']['state']) == 'SEND_HELPING'):
            return 0
        return self.context(obj(to, 'Kernel::Ipc_node')['_thread'].referenced_value())

    def exception(self, t):
        return super().exception(t) if has(t, '_exception_state') else ''

    def handler(self, r):
        if has(r, '_handler'):
            return super().handler(r)
        h = r['_handlers']['_head']
        return addr(h.dereference()['_object'].referenced_value()['_thread'].referenced_value()) if int(h) else 0


class Of2105(Between):
    """Genode 21.05 and 21.08: the roots of 18.02."""

    def __init__(self):
        self.core = obj(static('Genode::Core_platform_pd'), 'Genode::Core_platform_pd')
        self.main = {'_cpu_pool': obj(static('Kernel::Cpu_pool'), 'Kernel::Cpu_pool')}
        kobj = find(self.core, '_kobj')
        self.core = find(kobj, '_space').address.cast(typ('Kernel::Core_object<Kernel::Pd>').pointer()).dereference()


class Of1802:
    """Genode 18.02: objects without a type, threads that are IPC nodes."""

    def __init__(self):
        self.core = obj(static('Genode::Core_platform_pd'), 'Genode::Core_platform_pd')
        self.pool = obj(static('Kernel::Cpu_pool'), 'Kernel::Cpu_pool')

    def root(self):
        return obj(addr(base(self.core, 'Genode::Kernel_object<Kernel::Pd>')['_data']), 'Kernel::Pd')

    def cpus(self):
        first, last = self.pool['_cpus'].type.range()
        for i in range(first, last + 1):
            yield obj(addr(self.pool['_cpus'][i]), 'Kernel::Cpu')

    def kind(self, o):
        vtable = num(o.address.cast(typ('unsigned long').pointer()).dereference())
        name = gdb.execute('info symbol %#x' % vtable, to_string=True)
        whole = addr(o) + int(gdb.Value(vtable - 16).cast(typ('long').pointer()).dereference())
        for c, kind in (('Thread', 'THREAD'), ('Pd', 'PD'), ('Signal_context', 'SIGNAL_CONTEXT'), ('Signal_receiver', 'SIGNAL_RECEIVER'), ('User_irq', 'IRQ')):
            if 'Core_object<Kernel::%s>' % c in name or kind == 'THREAD' and 'Core_thread' in name:
                return kind, whole & WORD
        return name, whole & WORD

    def name(self, pd):
        return text(pd['_platform_pd'].dereference()['_label'])

    def table(self, pd):
        return num(pd['mmu_regs']['cr3'])

    def pd(self, t):
        p = num(base(t, 'Kernel::Ipc_node')['_pd'])
        if not p:
            q = obj(addr(t), 'Genode::Platform_thread')['_pd']
            p = addr(base(q.dereference(), 'Genode::Kernel_object<Kernel::Pd>')['_data']) if int(q) else 0
        return p

    def node(self, t):
        return addr(base(t, 'Kernel::Ipc_node'))

    def asks(self, t):
        n = base(t, 'Kernel::Ipc_node')
        return num(n['_callee']) if word(n['_state']) == 'AWAIT_REPLY' else 0

    def context(self, t):
        return addr(base(t, 'Kernel::Cpu_share'))

    def current(self, cpu):
        return num(cpu['_scheduler']['_head'])

    def helps(self, t):
        to = self.asks(t)
        if not to or not int(base(t, 'Kernel::Ipc_node')['_help']):
            return 0
        return to - self.node(t) + self.context(t)

    def exception(self, t):
        return ''

    def receiver(self, t):
        return num(t['_signal_receiver'])

    def handler(self, r):
        h = r['_handlers']['_head']
        if not int(h):
            return 0
        any_thread = obj(0x1000, 'Kernel::Thread')
        inside = addr(base(any_thread, 'Kernel::Signal_handler')) - 0x1000
        return num(h.dereference()['_object']) - inside


def see_the_kernel():
    """On 64-bit ARM only a processor in the kernel's mode may read the kernel's memory."""
    for t in gdb.selected_inferior().threads():
        t.switch()
        mode = gdb.parse_and_eval('$cpsr')
        if mode.type.code == gdb.TYPE_CODE_VOID or int(mode) & 0xf in (4, 5):
            return


def kernel():
    if not gdb.lookup_global_symbol('Kernel::Main::_instance'):
        return Of2105() if '_type' in [f.name for f in typ('Kernel::Object').fields()] else Of1802()
    members = [f.name for f in typ('Kernel::Pd').fields()]
    return Today() if '_core_data' in members else Between()


def main():
    see_the_kernel()
    k = kernel()
    root = k.root()

    def target(ref):
        i = ref['_identity']
        if not int(i) or not int(i['_object']):
            return 'invalid', 0
        return k.kind(i['_object'].dereference())

    caps = {}   # identities by capid in core, and objects with their lowest capid
    first, kinds = {}, {}
    for r in capabilities(root['_cap_tree']):
        kind, a = target(r)
        if kind == 'invalid':
            continue
        caps.setdefault(num(r['_identity']), int(r['_capid']))
        first.setdefault(a, int(r['_capid']))
        kinds[a] = kind
    pds = {a: obj(a, 'Kernel::Pd') for a in kinds if kinds[a] == 'PD'}
    pds[addr(root)] = root
    names = {a: k.name(p) for a, p in pds.items()}
    cpus = list(k.cpus())
    threads = sorted((a for a in kinds if kinds[a] == 'THREAD'), key=lambda a: first[a]) + [addr(c['_idle']) for c in cpus]
    thread = {a: obj(a, 'Kernel::Thread') for a in threads}
    nodes = {k.node(t): a for a, t in thread.items()}
    contexts = {k.context(t): a for a, t in thread.items()}

    def label(a):
        return '%s -> %s' % (names.get(k.pd(thread[a]), '?'), text(thread[a]['_label'])) if a in thread else '?'

    running = set()
    for c in cpus:
        a = contexts.get(k.current(c))
        for _ in range(64):
            if a is None or not k.helps(thread[a]):
                break
            a = contexts.get(k.helps(thread[a]))
        running.add(a)
    for a in threads:
        t = thread[a]
        s = base(t['regs']['_obj'].referenced_value(), 'Genode::Cpu_state')
        state, wait = word(t['_state']), ''
        if state == 'AWAITS_IPC' and k.asks(t):
            wait = 'calls ' + label(nodes.get(k.asks(t)))
        elif state == 'AWAITS_SIGNAL':
            wait = 'signals of %x' % k.receiver(t)
        state += (' paused' if int(t['_paused']) else '') + k.exception(t)
        print('thread %s %x %s: %s%s ip %x sp %x %s' % ('%x' % first[a] if a in first else '-', a, label(a), state, ' *' if a in running else '', num(s['ip']), num(s['sp']), wait))
    for a, p in pds.items():
        refs = capabilities(p['_cap_tree'])
        print('pd %x %x %d %s' % (a, k.table(p), len(refs), names[a]))
        for r in refs:
            kind, o = target(r)
            what = kind
            if kind == 'THREAD':
                what += ' ' + label(o)
            elif kind == 'PD':
                what += ' ' + names.get(o, '?')
            elif kind == 'SIGNAL_CONTEXT':
                c = obj(o, 'Kernel::Signal_context')
                to = c['_receiver']
                to = num(to) if to.type.strip_typedefs().code == gdb.TYPE_CODE_PTR else addr(to.referenced_value())
                what += ' of %x imprint %x submits %d ack %d' % (to, num(c['_imprint']), int(c['_submits']), int(c['_ack']))
            elif kind == 'SIGNAL_RECEIVER':
                what += ' ' + label(k.handler(obj(o, 'Kernel::Signal_receiver')))
            core = caps.get(num(r['_identity']))
            print('cap %x %x %s %s' % (a, int(r['_capid']), '-' if core is None else '%x' % core, what))
    print('complete')


main()
