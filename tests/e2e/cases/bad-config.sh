# shellcheck shell=bash
# A wrong configuration is refused with file, line and key; nothing else is done.
# lanes: container

KEYS='llm.provider llm.model llm.host llm.temperature llm.max_tokens llm.context_window
    history.directory history.max_files models.directory models.lstm_timesteps models.min_samples_train'

# What no key takes, and what some do.
NEVER=('true' '[1979-05-27]' '{ a = 1 }' '[[1]]' 'nan' '-inf' '1979-05-27T07:32:00Z')
PERHAPS=('"wrong"' '""' '-1' '0' '1.5' '-0.0' '1e300' '9223372036854775807' '"/"' '"\u0000"')

# every_value: each key of this version with each value; one line a try: status, key, value, what was said.
every_value() {
    local key value rc
    sysdiag-analyzer -o json config show | sed -n 's/.*"key": "\(.*\)".*/\1/p' >"$RESULTS/keys"
    while read -r key; do
        for value in "${NEVER[@]}" "${PERHAPS[@]}"; do
            printf '[%s]\n%s = %s\n' "${key%.*}" "${key#*.}" "$value" >/tmp/c/value.toml
            timeout 10 sysdiag-analyzer -c /tmp/c/value.toml config show >/tmp/out 2>/tmp/err
            rc=$?
            [ $rc = 0 ] || [ ! -s /tmp/out ] || echo "$key = $value: refused, and shown all the same"
            printf '%s\t%s\t%s\t%s\n' $rc "$key" "$value" "$(tr '\n\t' '  ' </tmp/err)"
        done
    done <"$RESULTS/keys" >"$RESULTS/every-value"
}

guest() {
    local key
    mkdir -p /tmp/c /etc/sysdiag-analyzer /root/.config/sysdiag-analyzer
    every_value
    # Every key with a value of a type that none of them has, on line 3.
    for key in $KEYS; do
        printf '# %s\n[%s]\n%s = [1979-05-27]\n' "$key" "${key%.*}" "${key#*.}" >"/tmp/c/$key.toml"
        report "type-$key" -c "/tmp/c/$key.toml" run --no-save
        printf '[%s]\n\n%sx = 1\n' "${key%.*}" "${key#*.}" >"/tmp/c/$key.toml"
        report "unknown-$key" -c "/tmp/c/$key.toml" run --no-save
    done
    printf '[histroy]\nmax_files = 3\n' >/tmp/c/section.toml
    report section -c /tmp/c/section.toml run --no-save
    printf '[history]\nmax_files = = 3\n' >/tmp/c/syntax.toml
    report syntax -c /tmp/c/syntax.toml run --no-save
    printf '[history]\nmax_files = 3\nmax_files = 4\n' >/tmp/c/twice.toml
    report twice -c /tmp/c/twice.toml run --no-save
    printf '[history]\nmax_files = 99999999999999999999999\n' >/tmp/c/huge.toml
    report huge -c /tmp/c/huge.toml run --no-save
    printf '[models]\nlstm_timesteps = 10\nmin_samples_train = 5\n' >/tmp/c/order.toml
    report order -c /tmp/c/order.toml run --no-save
    printf 'a\xff\xfe\n' >/tmp/c/utf8.toml
    report utf8 -c /tmp/c/utf8.toml run --no-save
    report missing -c /tmp/c/none.toml run --no-save
    report directory -c /tmp/c run --no-save
    report device -c /dev/zero run --no-save
    # The files that are read without -c, and their order.
    printf '[history]\nmax_files = 7\n' >/etc/sysdiag-analyzer/config.toml
    text show-etc sysdiag-analyzer config show
    printf '[history]\nmax_files = 8\n' >/root/.config/sysdiag-analyzer/config.toml
    text show-home sysdiag-analyzer config show
    printf '[history]\ndirectory = "/tmp/h"\n' >/tmp/c/good.toml
    text show-c sysdiag-analyzer -c /tmp/c/good.toml config show
    printf '\n[history]\nmax_file = 8\n' >/root/.config/sysdiag-analyzer/config.toml
    report home run --no-save
    rm /root/.config/sysdiag-analyzer/config.toml
    report usage-option run --no-such-option
    report usage-command no-such-command
    report usage-severity run --fail-on terrible
    report usage-unit analyze-unit
    # Not of this version yet: said so, not ignored.
    for key in --analyze-ml --analyze-llm; do
        report "later$key" run --no-save "$key"
    done
}

# refused NAME REGEX...: exit status 2, nothing on standard output, all of this said.
refused() {
    local name=$1 regex
    shift
    exits "$name" 2
    [ ! -s "$name.json" ] || fail "$name: a refusal wrote to standard output"
    for regex; do says "$name.err" "$regex"; done
    rm -f "$name.json"
}

# What came of every_value.
values_refused() {
    local rc key value said
    for key in $KEYS; do grep -qxF "$key" keys || fail "$key is no key of this version"; done
    [ "$(wc -l <every-value)" = $(($(wc -l <keys) * (${#NEVER[@]} + ${#PERHAPS[@]}))) ] || fail "every-value is incomplete"
    while IFS=$'\t' read -r rc key value said; do
        case $rc in
        0) [[ " ${NEVER[*]} " != *" $value "* ]] || fail "$key = $value was taken" ;;
        2) [[ $said == *"$key"* && $said == *"/tmp/c/value.toml"* && $said =~ [^0-9]2[^0-9] ]] ||
            fail "$key = $value: file, line or key is not named: $said" ;;
        *) fail "$key = $value: exit status $rc: $said" ;;
        esac
    done <every-value
}

check() {
    local key
    values_refused
    for key in $KEYS; do
        refused "type-$key" "/tmp/c/$key.toml" "$key" '\b3\b'
        refused "unknown-$key" "/tmp/c/$key.toml" "${key#*.}x" '\b3\b' "\b${key#*.}\b"
    done
    refused section /tmp/c/section.toml histroy 'history' '\b1\b'
    refused syntax /tmp/c/syntax.toml '\b2\b'
    refused twice /tmp/c/twice.toml '\b3\b' max_files
    refused huge /tmp/c/huge.toml '\b2\b'
    refused order /tmp/c/order.toml lstm_timesteps min_samples_train
    refused utf8 /tmp/c/utf8.toml
    refused missing /tmp/c/none.toml
    refused directory '/tmp/c'
    refused device '/dev/zero'
    refused home /root/.config/sysdiag-analyzer/config.toml '\b3\b' max_file max_files
    for key in usage-option usage-command usage-severity usage-unit; do refused "$key"; done
    for key in --analyze-ml --analyze-llm; do
        refused "later$key" 'not available in this version'
    done
    for key in show-etc show-home show-c; do exits "$key" 0; done
    says show-etc.txt 'max_files.*7'
    says show-etc.txt '/etc/sysdiag-analyzer/config.toml'
    says show-home.txt 'max_files.*8'
    says show-home.txt '/root/.config/sysdiag-analyzer/config.toml'
    says show-c.txt 'max_files.*1000'
    says show-c.txt 'directory.*/tmp/h'
    says show-c.txt '/tmp/c/good.toml'
}
