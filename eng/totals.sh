#!/usr/bin/env bash
# Adds up a test run:  eng/totals.sh RESULTS ALREADY-FAILED PROJECT...
#
# ALREADY-FAILED is the number of failures outside the test projects (eng/check-tree.sh); it joins the total.
# RESULTS holds for every PROJECT the TRX files PROJECT_*.trx and the exit code of its `dotnet test` in PROJECT.exit.
# The last line is `N passed, N failed, N skipped`; the exit code is 1 when something failed.
#
#   failed  = failed + error + timeout + aborted, and one more where a run did not come to its end
#   skipped = total − executed   (TRX files of MSTest leave notExecuted at 0)
#
# A run did not come to its end when the test host crashed or hung (VSTest writes a RunInfo of outcome Error, and leaves
# the counters at what it had heard so far, often 0), when it left no TRX file, when it found no test at all, and when
# `dotnet test` failed without a failed test to show for it. Each of these is one failure.
set -euo pipefail

results=$1 alreadyFailed=$2
shift 2

# counters FILE: `passed failed skipped` of one TRX file. Test output inside it is escaped (&lt;), so a tag is a tag.
counters() {
    tr '\r\n' '  ' <"$1" | grep -o '<Counters [^>]*>' | awk '
        function count(name,    at) {
            at = match($0, " " name "=\"[0-9]+\"")
            return at ? substr($0, at + length(name) + 3, RLENGTH - length(name) - 4) + 0 : 0
        }
        {
            passed += count("passed")
            failed += count("failed") + count("error") + count("timeout") + count("aborted")
            skipped += count("total") - count("executed")
        }
        END { print passed + 0, failed + 0, skipped + 0 }' || true
}

passed=0 failed=$alreadyFailed skipped=0
broken() {
    echo "$project: $1"
    broke=1
}

for project in "$@"; do
    projectPassed=0 projectFailed=0 projectSkipped=0 broke=0 files=0 crashed=0
    for trx in "$results/${project}"_*.trx; do
        [ -f "$trx" ] || continue
        files=$((files + 1))
        read -r p f s <<<"$(counters "$trx")"
        projectPassed=$((projectPassed + p)) projectFailed=$((projectFailed + f)) projectSkipped=$((projectSkipped + s))
        if grep '<RunInfo [^>]*outcome="Error"' "$trx" >/dev/null; then
            crashed=1
        fi
    done

    exitCode=$(cat "$results/$project.exit" 2>/dev/null || echo none)
    if [ "$files" = 0 ]; then
        broken 'no TRX file was written; did the test host start?'
    elif [ "$crashed" = 1 ]; then
        broken 'the test run was aborted (the TRX file says why); tests after that point did not run'
    elif [ $((projectPassed + projectFailed + projectSkipped)) = 0 ]; then
        broken 'no test was found'
    elif [ "$exitCode" != 0 ] && [ "$projectFailed" = 0 ]; then
        broken "dotnet test ended with exit code $exitCode, yet no test failed"
    fi
    projectFailed=$((projectFailed + broke))

    echo "$project: $projectPassed passed, $projectFailed failed, $projectSkipped skipped"
    passed=$((passed + projectPassed)) failed=$((failed + projectFailed)) skipped=$((skipped + projectSkipped))
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
