# shellcheck shell=bash
# Where processes cannot be traced, that is said in one sentence, and the rest of the report comes anyway.
# lanes: container

guest() {
    text trace sysdiag-analyzer trace --duration 1
    report plain run --no-save
    report run run --no-save --enable-ebpf --ebpf-duration 1
    text run-text sysdiag-analyzer run --no-save --enable-ebpf --ebpf-duration 1
}

check() {
    local sentence='container with its own process ids'
    exits trace 3
    [ ! -s trace.txt ] || fail "something was traced"
    says trace.err "$sentence"
    exits plain 0
    holds plain "nothing of a trace where none was asked for" '.ebpf_analysis == null and (gaps | test("eBPF|trace") | not)'
    exits run 0
    holds run "not assessed, and why" '.ebpf_analysis == null and (gaps | test("process tracing .eBPF.: not_supported: .*\($why)"))' --arg why "$sentence"
    holds run "and the rest" '.health_analysis.all_units_count > 50 and ([.timings[] | select(.source == "trace") | .outcome] == ["failed"])'
    tr -s ' \n' ' ' <run-text.txt >run.line
    says run.line "process tracing .eBPF. . not supported: this is a $sentence"
}
