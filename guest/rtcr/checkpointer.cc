// Takes a checkpoint of a child.

#include "state.h"

using namespace Rtcr;
using Genode::log;

void Checkpointer::checkpoint()
{
	log("Ckpt::\033[33mcheckpoint\033[0m()");
	_child.pause();
	_create_cap_map_infos();
	_create_region_map_dataspaces();
	_prepare_ram_sessions(_state._stored_ram_sessions);
	_prepare_pd_sessions(_state._stored_pd_sessions);
	_prepare_cpu_sessions(_state._stored_cpu_sessions);
	_prepare_rm_sessions(_state._stored_rm_sessions);
	_prepare_log_sessions(_state._stored_log_sessions);
	_prepare_timer_sessions(_state._stored_timer_sessions);
	_create_memory_to_checkpoint();
	_resolve_inc_checkpoint_dataspaces();
	_detach_designated_dataspaces();
	_checkpoint_dataspaces();
}

void Checkpointer::_create_cap_map_infos() { _cap_map_infos = _child.cap_count; }

void Checkpointer::_create_region_map_dataspaces() { }

void Checkpointer::_prepare_ram_sessions(List<Stored_ram_session_info> &stored)
{
	Stored_ram_session_info *s = make<Stored_ram_session_info>();
	addr_t regions = core(Genode::Pd_regions, _child.pd);
	for (addr_t i = 0; i < regions; i++)
	{
		Stored_ram_dataspace_info *d = make<Stored_ram_dataspace_info>();
		d->region = i;
		d->bootstrapped = i < _child.bootstrap_regions;
		s->stored_ramds_infos.insert(d);
	}
	stored.insert(s);
}

void Checkpointer::_prepare_pd_sessions(List<Stored_pd_session_info> &stored)
{
	Stored_pd_session_info *s = make<Stored_pd_session_info>();
	for (unsigned i = 0; i < _child.cap_count; i++)
	{
		Cap_info const &c = _child.caps[i];
		Stored_native_capability_info *n = make<Stored_native_capability_info>();
		n->kcap = c.slot << Cap_shift;
		n->kind = c.kind;
		n->receiver = c.receiver;
		n->bootstrapped = c.bootstrapped;
		s->stored_native_caps.insert(n);
	}
	stored.insert(s);
}

void Checkpointer::_prepare_cpu_sessions(List<Stored_cpu_session_info> &stored)
{
	Stored_cpu_session_info *s = make<Stored_cpu_session_info>();
	for (unsigned i = 0; i < _child.thread_count; i++)
	{
		Cpu_thread_info const &t = _child.threads[i];
		if (bug("missing-thread") && Genode::equal(t.name, "signal handler"))
			continue;
		Stored_cpu_thread_info *n = make<Stored_cpu_thread_info>(t.name);
		core(Genode::Cpu_thread_state, t.badge);
		n->ts = *(Genode::Thread_state *)Genode::STATE_BUFFER;
		n->badge = (uint16_t)t.badge;
		n->kcap = t.kcap;
		n->utcb = n->ts.utcb;
		n->started = n->paused = n->bootstrapped = true;
		s->stored_cpu_thread_infos.insert(n);
	}
	stored.insert(s);
}

void Checkpointer::_prepare_rm_sessions(List<Stored_rm_session_info> &) { }

void Checkpointer::_prepare_log_sessions(List<Stored_log_session_info> &stored)
{
	stored.insert(make<Stored_log_session_info>());
}

void Checkpointer::_prepare_timer_sessions(List<Stored_timer_session_info> &stored)
{
	stored.insert(make<Stored_timer_session_info>());
}

void Checkpointer::_create_memory_to_checkpoint() { }
void Checkpointer::_resolve_inc_checkpoint_dataspaces() { }
void Checkpointer::_detach_designated_dataspaces() { }

void Checkpointer::_checkpoint_dataspaces()
{
	Stored_ram_session_info *s = _state._stored_ram_sessions.first();
	for (Stored_ram_dataspace_info *d = s->stored_ramds_infos.first(); d; d = d->next())
	{
		d->copy = core(Genode::Ds_copy_out, _child.pd, d->region);
		d->copied = true;
		if (bug("stale-page") && !d->bootstrapped)
			_keep_missed_page(*d);
	}
}

// bug=stale-page: the child wrote to the first page of its heap since the
// earlier checkpoint, and nobody noticed: the page is not dirty, so the earlier
// copy of it counts.
void Checkpointer::_keep_missed_page(Stored_ram_dataspace_info const &d)
{
	core(Genode::Ds_keep_page, d.copy, _earlier + d.region, 0);
}

// The contents of all dataspaces, for a checkpoint that is to come.
void Checkpointer::copy_for_increment()
{
	addr_t regions = core(Genode::Pd_regions, _child.pd);
	for (addr_t i = 0; i < regions; i++)
	{
		addr_t copy = core(Genode::Ds_copy_out, _child.pd, i);
		if (i == 0)
			_earlier = copy;
	}
}
