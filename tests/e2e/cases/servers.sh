# shellcheck shell=bash
# Servers as Debian installs them run, and have worked a little: no problem is reported.
# lanes: container vm
# image: servers

guest() {
    local unit
    for unit in nginx.service postgresql.service redis-server.service; do
        until_true 120 has ActiveState active "$unit"
    done
    until_true 120 eval 'systemctl -q is-active "postgresql@*-main.service"'
    # Each does some of its work.
    perl -MIO::Socket::INET -e '
        my $nginx = IO::Socket::INET->new("127.0.0.1:80") or die $!;
        print $nginx "GET / HTTP/1.0\r\n\r\n";
        print while <$nginx>' >"$RESULTS/nginx"
    runuser -u postgres -- env -C / psql -Atc 'create table e2e as select generate_series(1, 100000) n; select sum(n) from e2e' \
        >"$RESULTS/postgresql"
    redis-cli incr e2e >"$RESULTS/redis"
    journalctl --sync
    report run run
    report again run
    text run-text sysdiag-analyzer run --no-save
    capture servers
}

check() {
    local unit name
    says nginx '^HTTP/1.1 200'
    says postgresql '^5000050000$'
    says redis '^1$'
    for name in run again run-text capture-servers; do exits "$name" 0; done
    for name in run again; do
        finds "$name" ''
        for unit in nginx.service redis-server.service; do
            holds "$name" "figures of $unit" 'usage($u).cpu_usage_usec > 0' --arg u "$unit"
        done
        holds "$name" "figures of PostgreSQL" 'any(.resource_analysis.unit_usage[];
            (.name | test("^postgresql@.*-main.service$")) and .cpu_usage_usec > 0)'
    done
    says run-text.txt 'no problems'
}
