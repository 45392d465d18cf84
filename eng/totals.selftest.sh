#!/usr/bin/env bash
# Checks eng/totals.sh against TRX files as VSTest 17 writes them (shortened from real runs: a plain one, a failed one,
# a crashed host, a hung host). Silent when all is well.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wrong=0 alreadyFailed=0

# trx PROJECT OUTCOME "NAME=VALUE ..." [RUNINFO-OUTCOME]
trx() {
    local attributes='' pair
    for pair in $3; do
        attributes="$attributes ${pair%=*}=\"${pair#*=}\""
    done
    {
        printf '\357\273\277<?xml version="1.0" encoding="utf-8"?>\r\n<TestRun>\r\n'
        printf '  <Results><UnitTestResult outcome="Failed"><Output><StdOut>&lt;Counters total="9" failed="9" /&gt; &lt;RunInfo outcome="Error"&gt;</StdOut></Output></UnitTestResult></Results>\r\n'
        printf '  <ResultSummary outcome="%s">\r\n    <Counters%s inconclusive="0" passedButRunAborted="0" notExecuted="0" />\r\n' "$2" "$attributes"
        printf '    <RunInfos><RunInfo computerName="m" outcome="%s" timestamp="t"><Text>x</Text></RunInfo></RunInfos>\r\n' "${4:-Warning}"
        printf '  </ResultSummary>\r\n</TestRun>\r\n'
    } >"$work/$1_net10.0_20250101000000.trx"
}

# expect SITUATION LAST-LINE EXIT-CODE PROJECT...
expect() {
    local situation=$1 line=$2 code=$3 output status=0
    shift 3
    output=$(./totals.sh "$work" "$alreadyFailed" "$@") || status=$?
    if [ "${output##*$'\n'}" != "$line" ] || [ "$status" != "$code" ]; then
        echo "totals.selftest: $situation" >&2
        echo "  found    '${output##*$'\n'}', exit code $status" >&2
        echo "  expected '$line', exit code $code" >&2
        wrong=1
    fi
}

zeros='error=0 timeout=0 aborted=0'
trx Plain Completed "total=5 executed=3 passed=3 failed=0 $zeros";       echo 0 >"$work/Plain.exit"
trx Red Failed "total=6 executed=5 passed=1 failed=1 error=1 timeout=1 aborted=1"; echo 1 >"$work/Red.exit"
trx Crashed Failed "total=0 executed=0 passed=0 failed=0 $zeros" Error;  echo 1 >"$work/Crashed.exit"
trx Hung Failed "total=4 executed=2 passed=1 failed=1 $zeros" Error;     echo 1 >"$work/Hung.exit"
trx Empty Completed "total=0 executed=0 passed=0 failed=0 $zeros";       echo 0 >"$work/Empty.exit"
trx Odd Completed "total=1 executed=1 passed=1 failed=0 $zeros";         echo 1 >"$work/Odd.exit"
trx Skipped Completed "total=2 executed=0 passed=0 failed=0 $zeros";     echo 0 >"$work/Skipped.exit"
echo 1 >"$work/Lost.exit"
printf '<TestRun><ResultSum' >"$work/Torn_net10.0_20250101000000.trx";   echo 1 >"$work/Torn.exit"

expect 'a plain run counts what was not executed as skipped' '3 passed, 0 failed, 2 skipped' 0 Plain
expect 'failed, error, timeout and aborted are failures' '1 passed, 4 failed, 1 skipped' 1 Red
expect 'a crashed test host is a failure although its counters are 0' '0 passed, 1 failed, 0 skipped' 1 Crashed
expect 'a hung test host is one failure more than its counters say' '1 passed, 2 failed, 2 skipped' 1 Hung
expect 'a project without a TRX file is a failure' '0 passed, 1 failed, 0 skipped' 1 Lost
expect 'a torn TRX file is a failure' '0 passed, 1 failed, 0 skipped' 1 Torn
expect 'a project without tests is a failure' '0 passed, 1 failed, 0 skipped' 1 Empty
expect 'a nonzero exit code without a failed test is a failure' '1 passed, 1 failed, 0 skipped' 1 Odd
expect 'a project whose tests were all skipped is none' '0 passed, 0 failed, 2 skipped' 0 Skipped
expect 'projects add up' '5 passed, 6 failed, 5 skipped' 1 Plain Red Crashed Skipped Odd
alreadyFailed=1
expect 'a failure outside the test projects joins the total' '3 passed, 1 failed, 2 skipped' 1 Plain
exit "$wrong"
