// The child under control, and the checkpointed state.
#pragma once

#include "base.h"
#include "child_rpc.h"
#include "core/rpc.h"

namespace Rtcr {

using Genode::addr_t;
using Genode::uint16_t;
using Genode::List;
using Genode::String;

// What went wrong in the run that this guest shows (boot option "bug=").
bool bug(char const *name);

// A request to core.
addr_t core(addr_t op, addr_t a = 0, addr_t b = 0, addr_t c = 0, addr_t d = 0, addr_t *second = nullptr);

// Memory that is never given back.
void *alloc(addr_t size);

template <typename T, typename... ARGS>
T *make(ARGS... args) { return new (alloc(sizeof(T))) T(args...); }

// A capability that rtcr put into the child's table. The receiver is a thread
// of the child by its place among them, or somebody else.
struct Cap_info
{
	enum : addr_t { CORE = Genode::RECEIVER_CORE, TIMER = Genode::RECEIVER_TIMER, NONE = Genode::RECEIVER_NONE, RTCR = ~3UL };
	addr_t slot, kind, receiver;
	bool bootstrapped;          // made before the child asked for its LOG
};

struct Cpu_thread_info
{
	char name[32];
	addr_t badge;               // core's number of the thread
	addr_t kcap;                // selector in the child
};

// A child whose sessions rtcr intercepts.
class Target_child
{
public:
	// The environment that every component finds: six sessions and the signal
	// semaphore.
	enum : addr_t { FIRST_SLOT = 0x204, ENV_GATES = 6 };

	// Some of the slots that follow, by the order in which the child asks.
	enum : addr_t { TIMER_SLOT = 0x20c, EXIT_SLOT = 0x20e, SIGNAL_PROXY_SLOT = 0x20f };

	explicit Target_child(char const *name) : name(name) {}

	void start(addr_t ep, class Restorer *restorer);
	void pause();
	void resume();
	addr_t install(addr_t slot, addr_t kind, addr_t receiver, bool attach = true);
	addr_t session(addr_t kind, addr_t *addr);
	addr_t new_thread(char const *name, addr_t ip, addr_t sp, addr_t stack_slot);
	addr_t new_dataspace();     // two pages → its address in the child
	bool has(addr_t slot) const;
	void start_late();          // bug=unstarted
	MEET void answer_log();          // before the restore is over: the child's ep may go on
	void serve();               // answers the child's requests, for ever

	char const *name;
	addr_t pd = 0;
	Cpu_thread_info threads[8];
	unsigned thread_count = 0;
	Cap_info caps[64];
	unsigned cap_count = 0;
	addr_t next_slot = FIRST_SLOT;
	bool bootstrapping = true;  // until the child asks for its LOG
	addr_t bootstrap_regions = 0;
	addr_t own_regions = 0;     // dataspaces that the child allocated
	class Restorer *restorer = nullptr;
	bool log_answered = false;
	addr_t late[3] = { };       // thread that is to be started late, its ip and sp
	addr_t child_ep = 0;        // core's number of the thread that serves it
};

struct Stored_general_info
{
	addr_t kcap = 0;
	uint16_t badge = 0;
	bool bootstrapped = false;
};

struct Stored_normal_info : Stored_general_info
{
};

struct Stored_cpu_thread_info : Stored_normal_info, List<Stored_cpu_thread_info>::Element
{
	explicit Stored_cpu_thread_info(char const *n) : name(n) {}

	uint16_t pd_session_badge = 0;
	String<32> name;
	addr_t utcb = 0;
	bool started = false;
	bool paused = false;
	bool single_step = false;
	Genode::Thread_state ts;
};

struct Stored_cpu_session_info : Stored_general_info, List<Stored_cpu_session_info>::Element
{
	List<Stored_cpu_thread_info> stored_cpu_thread_infos;
};

struct Stored_native_capability_info : Stored_normal_info, List<Stored_native_capability_info>::Element
{
	addr_t kind = 0, receiver = 0;
};

struct Stored_pd_session_info : Stored_general_info, List<Stored_pd_session_info>::Element
{
	List<Stored_native_capability_info> stored_native_caps;
};

struct Stored_ram_dataspace_info : Stored_normal_info, List<Stored_ram_dataspace_info>::Element
{
	addr_t region = 0, copy = 0;
	bool copied = false;
};

struct Stored_ram_session_info : Stored_general_info, List<Stored_ram_session_info>::Element
{
	List<Stored_ram_dataspace_info> stored_ramds_infos;
};

struct Stored_log_session_info : Stored_general_info, List<Stored_log_session_info>::Element {};
struct Stored_timer_session_info : Stored_general_info, List<Stored_timer_session_info>::Element {};
struct Stored_rm_session_info : Stored_general_info, List<Stored_rm_session_info>::Element {};

class Target_state
{
public:
	List<Stored_pd_session_info>    _stored_pd_sessions;
	List<Stored_cpu_session_info>   _stored_cpu_sessions;
	List<Stored_ram_session_info>   _stored_ram_sessions;
	List<Stored_rm_session_info>    _stored_rm_sessions;
	List<Stored_log_session_info>   _stored_log_sessions;
	List<Stored_timer_session_info> _stored_timer_sessions;
};

// The phases are functions that a debugger can stop at, whatever the optimiser
// thinks of them. They lie behind all other code, at addresses where the child,
// which is linked at the same one and is smaller, has none: breakpoints in its
// loops would keep a debugger so busy that the checkpoint, which comes at its
// time, finds the child half started.
#define PHASE __attribute__((NOIPA, section(".phase")))

// One phase has its place among the child's code all the same: a debugger must
// be able to tell whose breakpoint it was.
#define PHASE_WITHIN_CHILD __attribute__((NOIPA))

class Checkpointer
{
public:
	Checkpointer(Target_child &child, Target_state &state) : _child(child), _state(state) {}

	PHASE void checkpoint();
	void copy_for_increment();

private:
	Target_child &_child;
	Target_state &_state;
	unsigned _cap_map_infos = 0;
	addr_t _earlier = 0;        // copy of the first dataspace, the others follow

	void _keep_missed_page(Stored_ram_dataspace_info const &d);

	PHASE_WITHIN_CHILD void _create_cap_map_infos();
	PHASE void _create_region_map_dataspaces();
	PHASE void _prepare_ram_sessions(List<Stored_ram_session_info> &stored);
	PHASE void _prepare_pd_sessions(List<Stored_pd_session_info> &stored);
	PHASE void _prepare_cpu_sessions(List<Stored_cpu_session_info> &stored);
	PHASE void _prepare_rm_sessions(List<Stored_rm_session_info> &stored);
	PHASE void _prepare_log_sessions(List<Stored_log_session_info> &stored);
	PHASE void _prepare_timer_sessions(List<Stored_timer_session_info> &stored);
	PHASE void _create_memory_to_checkpoint();
	PHASE void _resolve_inc_checkpoint_dataspaces();
	PHASE void _detach_designated_dataspaces();
	PHASE void _checkpoint_dataspaces();
};

class Restorer
{
public:
	Restorer(Target_child &child, Target_state &state) : _child(child), _state(state) {}

	PHASE void restore();

private:
	Target_child &_child;
	Target_state &_state;
	unsigned _found = 0;

	PHASE void _identify_recreate_ram_sessions(List<Stored_ram_session_info> &stored);
	PHASE void _identify_recreate_pd_sessions(List<Stored_pd_session_info> &stored);
	PHASE void _identify_recreate_cpu_sessions(List<Stored_cpu_session_info> &stored);
	PHASE void _identify_recreate_rm_sessions(List<Stored_rm_session_info> &stored);
	PHASE void _identify_recreate_log_sessions(List<Stored_log_session_info> &stored);
	PHASE void _identify_recreate_timer_sessions(List<Stored_timer_session_info> &stored);
	PHASE void _restore_state_ram_sessions(List<Stored_ram_session_info> &stored);
	PHASE void _restore_state_pd_sessions(List<Stored_pd_session_info> &stored);
	PHASE void _restore_state_cpu_sessions(List<Stored_cpu_session_info> &stored);
	PHASE void _restore_state_cpu_threads(List<Stored_cpu_thread_info> &stored);
	PHASE void _restore_state_rm_sessions(List<Stored_rm_session_info> &stored);
	PHASE void _restore_state_log_sessions(List<Stored_log_session_info> &stored);
	PHASE void _restore_state_timer_sessions(List<Stored_timer_session_info> &stored);
	PHASE void _resolve_inc_checkpoint_dataspaces();
	PHASE void _restore_cap_map();
	PHASE void _restore_cap_space();
	PHASE void _restore_dataspaces();
	PHASE void _restore_dataspace_content(Stored_ram_dataspace_info const &stored);

	addr_t _translate(addr_t slot) const;
	Cpu_thread_info *_find_child_thread(char const *name);
	void _restore_state_cpu_thread(Stored_cpu_thread_info const &stored);
};

}
