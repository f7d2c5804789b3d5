# The same as foreign.py, with a condition of gdb's own instead of Python. gdb
# counts the hits that the condition let pass only together, so the loop ends
# by a counter in the condition.
set pagination off
set $n = 0
python import time; begin, cpu = time.monotonic(), time.process_time()
hbreak *$at if (($cr3 & 0x000ffffffffff000) == $root) || ($n++ >= $hits)
continue
python print("gdb: %d foreign hits in %.6f s, %.6f s of gdb's" % (int(gdb.parse_and_eval("$n")), time.monotonic() - begin, time.process_time() - cpu))
