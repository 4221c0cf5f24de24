/* SPDX-License-Identifier: MIT */
/*
 * Sees every process begin, run a program and end, and every control group come and go.
 *
 * BTF tracepoints only: they are there on every kernel with BTF, and cost the least.  What is seen
 * goes into one ring buffer as a record; wire.rs reads them, and the two must agree.  What does not
 * fit any more is counted by kind, never silently lost.
 *
 * The kernel lets only programs that say they are compatible with its licence use some helpers
 * (reading memory, the ring buffer); of the names it knows, "Dual MIT/GPL" is that of an MIT program.
 * This file itself is MIT like the rest.
 */
#include "trace.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

enum kind { FORK, EXEC, EXIT, SIGNAL, OOM, MKDIR, RMDIR, KINDS };

enum {
	/* fork: the child shares its parent's memory (vfork), so its peak is not its own. */
	SHARES_MEMORY = 1 << 0,
	/* exit: the status is that of the whole group (SIGNAL_GROUP_EXIT). */
	GROUP_EXIT = 1 << 1,
	/* exit: ended by its last thread, which is not the leader. */
	NOT_LEADER = 1 << 2,
	/* exec, mkdir, rmdir: texts were longer than what is kept of them. */
	FILE_CUT = 1 << 3,
	ARGS_CUT = 1 << 4,
	/* exec: arguments could not be read. */
	ARGS_LOST = 1 << 5,
	/* signal: sent by the kernel, whoever was running. */
	FROM_KERNEL = 1 << 6,
};

enum {
	FILE_MAX = 512,
	ARGS_MAX = 4096,
	PF_KTHREAD = 0x00200000,
	SIGNAL_GROUP_EXIT = 0x00000004,
	COMM = 16,
};

/* Bytes in the ring buffer from which on the reader is woken; else it looks by itself. */
const volatile u32 wake_at = 128 * 1024;

struct {
	NUMBER(type, MAP_RINGBUF);
	/* The loader sets the size. */
	NUMBER(max_entries, 1024 * 1024);
} events SEC(".maps");

/* Records that did not fit, by kind. */
struct {
	NUMBER(type, MAP_PERCPU_ARRAY);
	NUMBER(max_entries, KINDS);
	TYPE(key, u32);
	TYPE(value, u64);
} dropped SEC(".maps");

struct head {
	u64 time;
	u8 kind;
	u8 flags;
	u16 zero;
	u32 pid;
};

struct fork_record {
	struct head head;
	u64 start;
	/* Of the parent, which forked. */
	u64 cgroup;
	u32 parent;
	u32 uid;
};

struct exec_record {
	struct head head;
	u64 start;
	u64 cgroup;
	/* Peak of what ran in this process before, in pages. */
	u64 peak_before;
	u32 parent;
	u32 uid;
	u32 links;
	u32 args_length;
	u16 mode;
	u16 folder_mode;
	u16 file_length;
	u16 interpreter_length;
	char comm[COMM];
	/* file, interpreter, arguments */
};

struct exit_record {
	struct head head;
	u64 start;
	u64 cgroup;
	u64 peak;
	u32 parent;
	u32 uid;
	u32 status;
	u32 zero;
	char comm[COMM];
};

struct signal_record {
	struct head head;
	u64 cgroup;
	u64 sender_cgroup;
	u32 sender;
	u32 sender_uid;
	u32 number;
	s32 code;
	char comm[COMM];
	char sender_comm[COMM];
};

struct oom_record {
	struct head head;
	/* Who needed memory when the kernel chose a victim. */
	u64 asker_cgroup;
	u32 asker;
	u32 zero;
	char asker_comm[COMM];
};

struct cgroup_record {
	struct head head;
	u64 id;
	/* path */
};

struct exec_room {
	struct exec_record record;
	char text[2 * FILE_MAX + ARGS_MAX];
};

struct cgroup_room {
	struct cgroup_record record;
	char path[ARGS_MAX];
};

/* Records of any length are written here first: a stack of BPF has 512 bytes. */
struct {
	NUMBER(type, MAP_PERCPU_ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct exec_room);
} exec_rooms SEC(".maps");

struct {
	NUMBER(type, MAP_PERCPU_ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct cgroup_room);
} cgroup_rooms SEC(".maps");

INLINE void begin(struct head *head, enum kind kind, u8 flags, u32 pid)
{
	head->time = ktime_get_boot_ns();
	head->kind = kind;
	head->flags = flags;
	head->zero = 0;
	head->pid = pid;
}

INLINE void submit(u32 kind, void *record, u64 size)
{
	u64 wake = ringbuf_query(&events, RB_AVAIL_DATA) >= wake_at ? RB_FORCE_WAKEUP : RB_NO_WAKEUP;

	if (ringbuf_output(&events, record, size, wake)) {
		u64 *count = map_lookup_elem(&dropped, &kind);

		/* At once: an interrupt that sends a signal may be counted in between. */
		if (count)
			__sync_fetch_and_add(count, 1);
	}
}

INLINE u64 cgroup_of(struct task_struct *task)
{
	return task->cgroups->dfl_cgrp->kn->id;
}

INLINE u32 current_uid(void)
{
	return (u32)get_current_uid_gid();
}

/* (struct task_struct *parent, struct task_struct *child) */
SEC("tp_btf/sched_process_fork")
int on_fork(u64 *ctx)
{
	struct task_struct *parent = (void *)ctx[0];
	struct task_struct *child = (void *)ctx[1];
	struct fork_record record;
	s32 pid = child->pid;

	/* A thread, or a thread of the kernel. */
	if (pid != child->tgid || child->flags & PF_KTHREAD)
		return 0;
	begin(&record.head, FORK, READ(child, mm) == READ(parent, mm) ? SHARES_MEMORY : 0, pid);
	record.start = child->start_boottime;
	record.cgroup = cgroup_of(parent);
	record.parent = parent->tgid;
	record.uid = current_uid();
	submit(FORK, &record, sizeof(record));
	return 0;
}

/* (struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm) */
SEC("tp_btf/sched_process_exec")
int on_exec(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct linux_binprm *bprm = (void *)ctx[2];
	u32 zero = 0;
	struct exec_room *room = map_lookup_elem(&exec_rooms, &zero);
	struct exec_record *record;
	struct file *file = bprm->file;
	struct inode *inode = READ(file, f_inode);
	struct dentry *dentry = READ(file, f_path.dentry);
	struct dentry *folder = READ(dentry, d_parent);
	const char *filename = bprm->filename, *interpreter = bprm->interp;
	u64 start, length;
	u32 at = 0;
	long got;
	u8 flags = 0;

	if (!room)
		return 0;
	record = &room->record;
	record->start = task->start_boottime;
	record->cgroup = cgroup_of(task);
	record->peak_before = task->signal->maxrss;
	record->parent = task->real_parent->tgid;
	record->uid = current_uid();
	record->links = READ(inode, i_nlink);
	record->mode = READ(inode, i_mode);
	inode = READ(folder, d_inode);
	record->folder_mode = READ(inode, i_mode);
	get_current_comm(record->comm, COMM);

	got = probe_read_kernel_str(room->text, FILE_MAX, filename);
	if (got < 0 || got > FILE_MAX)
		got = 0;
	if (got == FILE_MAX)
		flags |= FILE_CUT;
	at = got;
	record->file_length = got;

	record->interpreter_length = 0;
	/* Two names, unless the file itself is run. */
	if ((u64)interpreter != (u64)filename) {
		got = probe_read_kernel_str(room->text + at, FILE_MAX, interpreter);
		if (got < 0 || got > FILE_MAX)
			got = 0;
		at += got;
		record->interpreter_length = got;
	}

	start = task->mm->arg_start;
	length = task->mm->arg_end - start;
	if (length > ARGS_MAX) {
		length = ARGS_MAX;
		flags |= ARGS_CUT;
	}
	/* The compiler may not forget the bound that the verifier has to see. */
	asm volatile("" : "+r"(length));
	if (length > ARGS_MAX || at > 2 * FILE_MAX)
		return 0;
	if (probe_read_user(room->text + at, length, (void *)start)) {
		length = 0;
		flags |= ARGS_LOST;
	}
	record->args_length = length;
	begin(&record->head, EXEC, flags, task->tgid);
	submit(EXEC, record, sizeof(*record) + at + length);
	return 0;
}

/* (struct task_struct *task[, bool group_dead]) */
SEC("tp_btf/sched_process_exit")
int on_exit(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct signal_struct *signal = task->signal;
	struct exit_record record;
	u32 group = signal->flags & SIGNAL_GROUP_EXIT;
	u8 flags = group ? GROUP_EXIT : 0;

	/*
	 * One exit of a process, when its last thread goes.  Kernels before 6.16 do not say which
	 * that is: two that go at once may both see none alive, and the reader keeps the first.
	 */
	if (FIELD_EXISTS(struct trace_event_raw_sched_process_exit, group_dead)) {
		if (!(ctx[1] & 1))
			return 0;
	} else if (READ(signal, live.counter)) {
		return 0;
	}
	if (task->flags & PF_KTHREAD)
		return 0;
	if (task->pid != task->tgid)
		flags |= NOT_LEADER;
	begin(&record.head, EXIT, flags, task->tgid);
	record.start = task->group_leader->start_boottime;
	record.cgroup = cgroup_of(task);
	record.peak = signal->maxrss;
	record.parent = task->real_parent->tgid;
	record.uid = current_uid();
	record.status = group ? signal->group_exit_code : task->group_leader->exit_code;
	record.zero = 0;
	probe_read_kernel(record.comm, COMM,
			  __builtin_preserve_access_index(&task->group_leader->comm));
	submit(EXIT, &record, sizeof(record));
	return 0;
}

/* Bits of signals that end a process unless it handles them, signal(7); from 32 on all do. */
#define BIT(number) (1ULL << ((number) - 1))
enum { SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGKILL = 9, SIGTERM = 15 };
/* CHLD CONT STOP TSTP TTIN TTOU URG WINCH */
static const u64 harmless =
	BIT(17) | BIT(18) | BIT(19) | BIT(20) | BIT(21) | BIT(22) | BIT(23) | BIT(28);
/* With these one process ends another even if it handles them: it cleans up and ends by itself. */
static const u64 requests = BIT(SIGHUP) | BIT(SIGINT) | BIT(SIGQUIT) | BIT(SIGKILL) | BIT(SIGTERM);

/* (int sig, struct kernel_siginfo *info, struct task_struct *task, int group, int result) */
SEC("tp_btf/signal_generate")
int on_signal(u64 *ctx)
{
	u32 number = (u32)ctx[0];
	/* Not always a pointer: 0 is "a process", 1 is "the kernel". */
	struct kernel_siginfo *info = (void *)ctx[1];
	struct task_struct *task = (void *)ctx[2];
	struct signal_record record;
	struct sighand_struct *hands;
	u64 handler = 0;
	u32 result = (u32)ctx[4];
	u8 flags = 0;

	/* TRACE_SIGNAL_DELIVERED, and TRACE_SIGNAL_LOSE_INFO: delivered without its details. */
	if (number < 1 || number > 64 || (result != 0 && result != 4) || BIT(number) & harmless)
		return 0;
	hands = READ(task, sighand);
	probe_read_kernel(&handler, sizeof(handler),
			  (char *)__builtin_preserve_access_index(&hands->action[0].sa.sa_handler) +
				  (number - 1) * KERNEL_SIZE(struct k_sigaction));
	/* 0 is SIG_DFL, 1 is SIG_IGN. */
	if (number != SIGKILL && (handler == 1 || (handler > 1 && !(BIT(number) & requests))))
		return 0;

	record.code = 0;
	if ((u64)info == 1)
		flags = FROM_KERNEL;
	else if ((u64)info)
		record.code = READ(info, si_code);
	/* SI_USER, SI_QUEUE and SI_TKILL are sent by a process; of others the kernel made them. */
	if (record.code != 0 && record.code != -1 && record.code != -6)
		flags = FROM_KERNEL;
	begin(&record.head, SIGNAL, flags, task->tgid);
	record.cgroup = cgroup_of(task);
	record.sender_cgroup = get_current_cgroup_id();
	record.sender = get_current_pid_tgid() >> 32;
	record.sender_uid = current_uid();
	record.number = number;
	probe_read_kernel(record.comm, COMM,
			  __builtin_preserve_access_index(&task->group_leader->comm));
	get_current_comm(record.sender_comm, COMM);
	submit(SIGNAL, &record, sizeof(record));
	return 0;
}

/* (struct task_struct *victim, uid_t uid), before 6.8 (int pid) */
SEC("tp_btf/mark_victim")
int on_oom(u64 *ctx)
{
	struct oom_record record;
	u32 pid;

	if (FIELD_EXISTS(struct trace_event_raw_mark_victim, uid)) {
		struct task_struct *victim = (void *)ctx[0];

		pid = victim->tgid;
	} else {
		pid = (u32)ctx[0];
	}
	begin(&record.head, OOM, 0, pid);
	record.asker_cgroup = get_current_cgroup_id();
	record.asker = get_current_pid_tgid() >> 32;
	record.zero = 0;
	get_current_comm(record.asker_comm, COMM);
	submit(OOM, &record, sizeof(record));
	return 0;
}

INLINE int cgroup_event(u64 *ctx, enum kind kind)
{
	struct cgroup *cgroup = (void *)ctx[0];
	const char *path = (void *)ctx[1];
	u32 zero = 0;
	struct cgroup_room *room = map_lookup_elem(&cgroup_rooms, &zero);
	long got;

	/* The hierarchy of version 2 is the one without a number. */
	if (!room || cgroup->root->hierarchy_id)
		return 0;
	got = probe_read_kernel_str(room->path, ARGS_MAX, path);
	if (got < 0 || got > ARGS_MAX)
		got = 0;
	begin(&room->record.head, kind, got == ARGS_MAX ? FILE_CUT : 0, 0);
	room->record.id = cgroup->kn->id;
	submit(kind, room, sizeof(room->record) + got);
	return 0;
}

/* (struct cgroup *cgroup, const char *path) */
SEC("tp_btf/cgroup_mkdir")
int on_mkdir(u64 *ctx)
{
	return cgroup_event(ctx, MKDIR);
}

/* (struct cgroup *cgroup, const char *path) */
SEC("tp_btf/cgroup_rmdir")
int on_rmdir(u64 *ctx)
{
	return cgroup_event(ctx, RMDIR);
}
