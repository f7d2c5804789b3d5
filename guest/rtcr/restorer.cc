// Restores a checkpoint into a second child. It runs while that child waits for
// the answer to its LOG session request.

#include "state.h"

using namespace Rtcr;
using Genode::log;

void Restorer::restore()
{
	log("Resto::\033[33mrestore\033[0m()");
	_identify_recreate_ram_sessions(_state._stored_ram_sessions);
	_identify_recreate_pd_sessions(_state._stored_pd_sessions);
	_identify_recreate_cpu_sessions(_state._stored_cpu_sessions);
	_identify_recreate_rm_sessions(_state._stored_rm_sessions);
	_identify_recreate_log_sessions(_state._stored_log_sessions);
	_identify_recreate_timer_sessions(_state._stored_timer_sessions);

	_restore_state_ram_sessions(_state._stored_ram_sessions);
	_restore_state_pd_sessions(_state._stored_pd_sessions);
	_restore_state_cpu_sessions(_state._stored_cpu_sessions);
	_restore_state_rm_sessions(_state._stored_rm_sessions);
	_restore_state_log_sessions(_state._stored_log_sessions);
	_restore_state_timer_sessions(_state._stored_timer_sessions);

	_resolve_inc_checkpoint_dataspaces();
	_restore_cap_map();
	_restore_cap_space();
	_restore_dataspaces();
	// bug=rom-data: the program is loaded when its memory is restored already,
	// as Child's constructor does
	if (bug("rom-data"))
		core(Genode::Pd_reload_data, _child.pd);
	if (!bug("state-ignored"))
		_child.resume();
	_child.start_late();
}

Cpu_thread_info *Restorer::_find_child_thread(char const *name)
{
	// bug=wrong-thread: ep's state is meant for another thread, and ep's own is
	// never set
	if (bug("wrong-thread") && Genode::equal(name, "ep"))
		name = "signal handler";
	// bug=swapped-threads: each of both gets the other's state
	else if (bug("swapped-threads") && Genode::equal(name, "ep"))
		name = "signal handler";
	else if (bug("swapped-threads") && Genode::equal(name, "signal handler"))
		name = "ep";
	for (unsigned i = 0; i < _child.thread_count; i++)
		if (Genode::equal(_child.threads[i].name, name))
			return &_child.threads[i];
	return nullptr;
}

// Dataspaces that the child allocated after its bootstrap are made again.
void Restorer::_identify_recreate_ram_sessions(List<Stored_ram_session_info> &stored)
{
	for (Stored_ram_dataspace_info *d = stored.first()->stored_ramds_infos.first(); d; d = d->next())
		if (!d->bootstrapped)
			_child.new_dataspace();
}

void Restorer::_identify_recreate_pd_sessions(List<Stored_pd_session_info> &) { _found++; }

void Restorer::_identify_recreate_cpu_sessions(List<Stored_cpu_session_info> &stored)
{
	for (Stored_cpu_thread_info *t = stored.first()->stored_cpu_thread_infos.first(); t; t = t->next())
		if (_find_child_thread(t->name.string()))
			_found++;
}

void Restorer::_identify_recreate_rm_sessions(List<Stored_rm_session_info> &) { _found++; }
void Restorer::_identify_recreate_log_sessions(List<Stored_log_session_info> &) { _found++; }
void Restorer::_identify_recreate_timer_sessions(List<Stored_timer_session_info> &) { _found++; }
void Restorer::_restore_state_ram_sessions(List<Stored_ram_session_info> &) { _found++; }
void Restorer::_restore_state_pd_sessions(List<Stored_pd_session_info> &) { _found++; }

void Restorer::_restore_state_cpu_sessions(List<Stored_cpu_session_info> &stored)
{
	for (Stored_cpu_session_info *s = stored.first(); s; s = s->next())
		_restore_state_cpu_threads(s->stored_cpu_thread_infos);
}

void Restorer::_restore_state_cpu_threads(List<Stored_cpu_thread_info> &stored)
{
	// bug=state-running, exregs-running: ep has its answer already and is ready
	// to run when its state is set. Its turn is the last one: while core waits
	// for the others' exceptions it would run.
	bool ep_runs = bug("state-running") || bug("exregs-running");
	Stored_cpu_thread_info *running = nullptr;
	for (Stored_cpu_thread_info *t = stored.first(); t; t = t->next())
		if (ep_runs && Genode::equal(t->name.string(), "ep"))
			running = t;
		else
			_restore_state_cpu_thread(*t);
	if (!running)
		return;
	_child.answer_log();
	_restore_state_cpu_thread(*running);
}

void Restorer::_restore_state_cpu_thread(Stored_cpu_thread_info const &stored)
{
	Cpu_thread_info *mine = _find_child_thread(stored.name.string());
	if (!mine)
	{
		log("\033[31mError: no thread ", stored.name.string(), " in the restored child");
		return;
	}
	*(Genode::Thread_state *)Genode::STATE_BUFFER = stored.ts;
	core(Genode::Cpu_thread_set_state, mine->badge);
}

void Restorer::_restore_state_rm_sessions(List<Stored_rm_session_info> &) { _found++; }
void Restorer::_restore_state_log_sessions(List<Stored_log_session_info> &) { _found++; }
void Restorer::_restore_state_timer_sessions(List<Stored_timer_session_info> &) { _found++; }
void Restorer::_resolve_inc_checkpoint_dataspaces() { _found++; }
void Restorer::_restore_cap_map() { _found++; }

// The slot that a checkpointed slot's object belongs in.
addr_t Restorer::_translate(addr_t slot) const
{
	// bug=wrong-object: two badges are mixed up, and the objects behind them
	// change places
	if (bug("wrong-object") && slot == Target_child::TIMER_SLOT)
		return Target_child::EXIT_SLOT;
	if (bug("wrong-object") && slot == Target_child::EXIT_SLOT)
		return Target_child::TIMER_SLOT;
	return slot;
}

// Capabilities that the child got after its bootstrap are made again, in their
// slots.
void Restorer::_restore_cap_space()
{
	List<Stored_native_capability_info> &caps = _state._stored_pd_sessions.first()->stored_native_caps;
	unsigned left_out = bug("missing-caps") ? 4 : 0;
	for (Stored_native_capability_info *c = caps.first(); c; c = c->next())
	{
		addr_t slot = c->kcap >> Cap_shift;
		if (_child.has(_translate(slot)))
			continue;
		if (left_out)
		{
			left_out--;
			continue;
		}
		_child.install(_translate(slot), c->kind, c->receiver, !bug("irq-unattached"));
	}
}

void Restorer::_restore_dataspaces()
{
	Stored_ram_session_info *s = _state._stored_ram_sessions.first();
	for (Stored_ram_dataspace_info *d = s->stored_ramds_infos.first(); d; d = d->next())
		_restore_dataspace_content(*d);
}

// The default run copies in the wrong direction, as the real restorer did:
// from the fresh child into the stored copy. So does bug=reversed-copy.
void Restorer::_restore_dataspace_content(Stored_ram_dataspace_info const &stored)
{
	core(Genode::Ds_copy_in, _child.pd, stored.region, stored.copy, bug("state-ignored") || bug("reversed-copy"));
}
