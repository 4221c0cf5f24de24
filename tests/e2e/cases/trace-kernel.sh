# shellcheck shell=bash
# The tests of the tracer on the kernels of Debian 12 and 13, which differ in what their tracepoints pass.
# lanes: vm
# test: kernel

guest() {
    PATIENCE=600 text kernel /e2e/bin/deps/kernel --test-threads=1
}

check() {
    exits kernel 0
    says kernel.txt '^test result: ok\. ([5-9]|[0-9]{2,}) passed; 0 failed'
}
