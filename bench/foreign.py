# What thaw is measured against at a breakpoint that another program hits: gdb
# stops at the address in whatever address space, and a condition in Python
# compares the page tables with those that are meant.
#
#   gdb -batch -ex 'target remote ADDR' -ex 'set $at = ADDRESS' \
#       -ex 'set $root = CR3' -ex 'set $hits = N' -x bench/foreign.py KERNEL
#
# It prints how many hits of others were passed by, and the seconds.

import gdb
import time

root = int(gdb.parse_and_eval("$root"))
most = int(gdb.parse_and_eval("$hits"))


class Mine(gdb.Breakpoint):
    """Stops in one address space only."""

    foreign = 0

    def stop(self):
        cr3 = int(gdb.selected_frame().read_register("cr3")) & 0x000FFFFFFFFFF000
        if cr3 == root:
            return True
        Mine.foreign += 1
        return Mine.foreign >= most


gdb.execute("set pagination off")
Mine("*%d" % int(gdb.parse_and_eval("$at")), gdb.BP_HARDWARE_BREAKPOINT)
begin, cpu = time.monotonic(), time.process_time()
gdb.execute("continue", to_string=True)
print("gdb: %d foreign hits in %.6f s, %.6f s of gdb's" % (Mine.foreign, time.monotonic() - begin, time.process_time() - cpu))
