// IPC gates, interrupts and the factory.
#pragma once

#include "thread.h"

class Ipc_gate_ctl : public Kobject_iface
{
};

class Ipc_gate : public Kobject
{
public:
	Thread *_thread = nullptr;  // receiver
	Mword _id = 0;              // protected label, two bits for rights
	void *_quota = nullptr;
};

class Ipc_gate_obj : public Ipc_gate, public Ipc_gate_ctl
{
public:
	Address kobject_start_addr() const override { return (Address)this; }
	Mword kobject_size() const override { return sizeof(*this); }
	Ipc_gate_obj *as_gate() override { return this; }
	Kobject_dbg *dbg() override { return this; }
};

class Irq_base
{
public:
	virtual void hit() = 0;
	virtual ~Irq_base() {}

	void *_chip = nullptr;
	Mword _pin = 0;
	unsigned _flags = 0;
	Irq_base *_next = nullptr;
};

class Irq : public Irq_base, public Kobject
{
public:
	void *_q = nullptr;
};

class Ipc_sender : public Sender
{
};

class Irq_sender : public Irq, public Ipc_sender
{
public:
	Address kobject_start_addr() const override { return (Address)static_cast<Irq const *>(this); }
	Mword kobject_size() const override { return sizeof(*this); }
	Irq_sender *as_irq() override { return this; }

	void hit() override;
	bool ipc_send_msg(Receiver *r) override;
	bool attach(Thread *t, Mword id);

	Smword _queued = 0;
	Receiver *_irq_thread = nullptr;

private:
	Mword _irq_id = 0;
};

class Ram_quota
{
public:
	Mword _max = 0, _current = 0;
	virtual ~Ram_quota() {}
};

class Factory : public Ram_quota, public Kobject
{
public:
	Address kobject_start_addr() const override { return (Address)static_cast<Ram_quota const *>(this); }
	Mword kobject_size() const override { return sizeof(*this); }
};
