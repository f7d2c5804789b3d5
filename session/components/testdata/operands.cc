// Text that refers to data in the ways compilers do.

struct Thread
{
	unsigned long flags;
#ifdef WIDER
	unsigned long more;
#endif
	Thread *next;
	char name[32];
};

long counter = 1, limit = 7;
Thread  first { 3 };
Thread *list = &first;
static Thread * volatile last;
static long volatile sums[4];

extern "C" int find(Thread const *t, char c)
{
	counter += 0x11223344;
	for (; t; t = t->next)
		if (t->name[0] == c && t->flags < (unsigned long)limit) {
			last = const_cast<Thread *>(t);
			return 1;
		}
	return 0;
}

extern "C" int state(int n)
{
	switch (n) {
	case 0: return find(list, 'a');
	case 1: return find(&first, 'b') + 5;
	case 2: counter = 100; return 77;
	case 3: return limit;
	case 4: return first.name[n];
	case 5: return 12345;
	}
	return -1;
}

#ifdef LONGER
extern "C" [[gnu::noinline]] int longer(int n) { return n * 3 + limit; }
#endif

extern "C" int main_loop()
{
	int sum = 0;
	for (int i = 0; i < 6; i++)
		sum += state(i);
#ifdef LONGER
	sum += longer(sum);
#endif
	sums[3] = sum;
	return sum;
}

extern "C" void _start() { for (;;) main_loop(); }
