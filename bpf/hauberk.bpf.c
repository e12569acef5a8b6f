// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One object for all kernels from 6.1 on; the hooks stand in one file per family. */
#include "lib/kernel.bpf.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#include "wire.h"
#include "lib/maps.bpf.h"
#include "lib/hash.bpf.h"
#include "lib/walk.bpf.h"
#include "lib/identity.bpf.h"
#include "lib/request.bpf.h"
#include "lib/patterns.bpf.h"
#include "lib/judge.bpf.h"
#include "lib/cache.bpf.h"
#include "lib/report.bpf.h"
#include "lib/access.bpf.h"
#include "hooks/exec.bpf.h"
#include "hooks/files.bpf.h"
#include "hooks/renames.bpf.h"
#include "hooks/moves.bpf.h"
#include "hooks/mounts.bpf.h"
#include "hooks/network.bpf.h"
#include "hooks/capabilities.bpf.h"
#include "hooks/tasks.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
