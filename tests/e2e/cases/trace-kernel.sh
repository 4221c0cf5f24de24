# shellcheck shell=bash
# The tests of the tracer on the kernel of the virtual machines, whose tracepoints pass less than newer ones (both suites have
# the same kernel).
# lanes: vm-bookworm
# test: kernel

guest() {
    PATIENCE=600 text kernel /e2e/bin/deps/kernel --test-threads=1
}

check() {
    exits kernel 0
    says kernel.txt '^test result: ok\. ([5-9]|[0-9]{2,}) passed; 0 failed'
}
