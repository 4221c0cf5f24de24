/* SPDX-License-Identifier: MIT */
/*
 * What trace.bpf.c needs of the kernel, and no more: the fields it reads, by name.
 *
 * The structures are not laid out as the kernel's: `preserve_access_index` makes the compiler record
 * each access by type and field name, and the loader puts in the offsets of the kernel that runs
 * (CO-RE).  Numbers of helpers and of map types are those of bpf(2), include/uapi/linux/bpf.h.  No
 * header of the system is included, so that the object is the same wherever it is built.
 */
#ifndef SYSDIAG_TRACE_H
#define SYSDIAG_TRACE_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;
typedef long long s64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define KERNEL __attribute__((preserve_access_index))

/* Maps are told to the loader as types: a number is the length of an array. */
#define NUMBER(name, value) int(*name)[value]
#define TYPE(name, value) value *name

enum { MAP_PERCPU_ARRAY = 6, MAP_RINGBUF = 27 };
enum { RB_NO_WAKEUP = 1, RB_FORCE_WAKEUP = 2, RB_AVAIL_DATA = 0 };

static void *(*map_lookup_elem)(void *map, const void *key) = (void *)1;
static u64 (*get_current_pid_tgid)(void) = (void *)14;
static u64 (*get_current_uid_gid)(void) = (void *)15;
static long (*get_current_comm)(void *to, u32 size) = (void *)16;
static u64 (*get_current_cgroup_id)(void) = (void *)80;
static long (*probe_read_user)(void *to, u32 size, const void *from) = (void *)112;
static long (*probe_read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static long (*probe_read_kernel_str)(void *to, u32 size, const void *from) = (void *)115;
static u64 (*ktime_get_boot_ns)(void) = (void *)125;
static long (*ringbuf_output)(void *ring, void *data, u64 size, u64 flags) = (void *)130;
static u64 (*ringbuf_query)(void *ring, u64 flags) = (void *)134;

/* Reads one field through a pointer that the verifier does not vouch for; 0 if it cannot be read. */
#define READ(pointer, field)                                                                       \
	({                                                                                         \
		__typeof__((pointer)->field) value = 0;                                            \
		probe_read_kernel(&value, sizeof(value),                                           \
				  __builtin_preserve_access_index(&(pointer)->field));             \
		value;                                                                             \
	})

/* Whether this kernel's structure has the field; decided when the object is loaded. */
#define FIELD_EXISTS(type, field) __builtin_preserve_field_info(((type *)0)->field, 2)
/* Size of a structure in this kernel. */
#define KERNEL_SIZE(type) __builtin_preserve_type_info(*(type *)0, 1)

struct kernfs_node {
	u64 id;
} KERNEL;

struct cgroup_root {
	int hierarchy_id;
} KERNEL;

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
} KERNEL;

struct css_set {
	struct cgroup *dfl_cgrp;
} KERNEL;

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
	int group_exit_code;
	unsigned int flags;
	unsigned long maxrss;
} KERNEL;

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
} KERNEL;

/* Of `action[]`, whose elements have the size that this kernel gives them. */
struct k_sigaction {
	struct {
		void *sa_handler;
	} sa;
} KERNEL;

struct sighand_struct {
	struct k_sigaction action[64];
} KERNEL;

struct task_struct {
	unsigned int flags;
	struct mm_struct *mm;
	int exit_code;
	s32 pid;
	s32 tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	u64 start_boottime;
	char comm[16];
	struct signal_struct *signal;
	struct sighand_struct *sighand;
	struct css_set *cgroups;
} KERNEL;

struct kernel_siginfo {
	int si_code;
} KERNEL;

struct inode {
	u16 i_mode;
	unsigned int i_nlink;
} KERNEL;

struct dentry {
	struct dentry *d_parent;
	struct inode *d_inode;
} KERNEL;

struct path {
	struct dentry *dentry;
} KERNEL;

struct file {
	struct path f_path;
	struct inode *f_inode;
} KERNEL;

struct linux_binprm {
	struct file *file;
	const char *filename;
	const char *interp;
} KERNEL;

/* Only asked whether they have these fields: what the tracepoints pass depends on the kernel. */
struct trace_event_raw_sched_process_exit {
	u8 group_dead;
} KERNEL;

struct trace_event_raw_mark_victim {
	u32 uid;
} KERNEL;

#endif
