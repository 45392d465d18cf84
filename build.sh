#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<'HELP'
./build.sh [VERB] [--probe] [-p:NAME=VALUE ...]

  build   set up, compile everything, leave the command line at artifacts/lampq/lampq (the default)
  test    set up, compile, run all tests; the last line is the total
  demo    set up, run examples/LampQ.Demo
  clean   delete what was compiled; downloads and the package mode stay
  help    print this

  --probe          ask again which packages this machine reaches (otherwise the first answer is kept)
  -p:NAME=VALUE    handed to every dotnet call: -p:LampQPackages=nuget or offline, -p:LampQImages=skia

Setting up needs the .NET SDK; npm where NuGet lacks ONNX Runtime; apt-get where libturbojpeg or libpng are missing.
HELP
}

verb='' probe='' properties=()
for argument in "$@"; do
    case $argument in
        --probe) probe=--probe ;;
        -p:?*=*) properties+=("$argument") ;;
        build | test | demo | clean | help)
            if [ -n "$verb" ]; then
                echo "Found two verbs, $verb and $argument; expected one. Run them one after the other." >&2
                exit 2
            fi
            verb=$argument ;;
        -h | --help) verb=help ;;
        *)
            echo "Found '$argument'; expected one of build, test, demo, clean, help, --probe, -p:NAME=VALUE." >&2
            usage >&2
            exit 2 ;;
    esac
done

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

# dot VERB ARGUMENT...: dotnet with the properties of the command line (bash 3.2 refuses to expand an empty array).
dot() { dotnet "$@" ${properties[@]+"${properties[@]}"}; }

# set_up: everything a fresh machine lacks. Each step says in one line what it did.
set_up() {
    if ! command -v dotnet >/dev/null; then
        echo 'The .NET SDK is not installed; global.json asks for 10.0.100 or a later 10.0. Install it and run ./build.sh again.' >&2
        exit 1
    fi
    local mode='' property
    for property in ${properties[@]+"${properties[@]}"}; do
        case $property in -p:LampQPackages=*) mode=${property#*=} ;; esac
    done
    if [ -n "$mode" ]; then
        echo "packages: $mode, as the command line says"
    else
        eng/packages.sh $probe
        mode=$(sed -n 's:.*<LampQPackages[^>]*>\([a-z]*\)</LampQPackages>.*:\1:p' artifacts/packages.props)
    fi
    if [ "$mode" = offline ]; then
        eng/fetch-onnxruntime.sh
    fi
    eng/install-image-libraries.sh
}

compile() {
    dot build LampQ.MLNet.sln -c Release -v quiet -clp:NoSummary
    echo 'build: LampQ.MLNet.sln, Release'
    # A restore that had to change a lock file found project files that are newer than it.
    local stale
    stale=$(git status --porcelain --untracked-files=all -- '*.lock.json' 2>/dev/null | cut -c 4- || true)
    if [ -n "$stale" ]; then
        echo 'lock files: these changed; commit them with the project files they follow:'
        printf '%s\n' "$stale" | sed 's/^/  /'
    fi
}

# Whatever ends a test run early, a failed build included, the last line is a total.
test_all() {
    trap 'echo "The run ended before its tests; see above."; echo "0 passed, 1 failed"' EXIT
    set_up
    compile
    local alreadyFailed=0 check
    eng/native.sh || alreadyFailed=1

    rm -rf TestResults
    mkdir TestResults
    local projects=() names=() project name status
    while read -r project; do
        projects+=("$project")
    done < <(tr -d '\r' <LampQ.MLNet.sln | sed -n 's:.*"\(tests[^"]*\.Tests\.csproj\)".*:\1:p' | tr '\\' '/')

    # One project after the other: timings and memory limits in tests are not disturbed by other tests.
    # A test silent for ten minutes is taken for hung, named by VSTest, and its host ended.
    for project in "${projects[@]}"; do
        name=$(basename "$project" .csproj)
        names+=("$name")
        status=0
        dot test "$project" -c Release --no-build --logger "trx;LogFilePrefix=$name" --results-directory TestResults \
            --blame-hang-timeout 10m --blame-hang-dump-type none || status=$?
        echo "$status" >"TestResults/$name.exit"
    done

    for check in eng/totals.selftest.sh eng/check-tree.sh; do
        "$check" || alreadyFailed=$((alreadyFailed + 1))
    done
    trap - EXIT
    eng/totals.sh TestResults "$alreadyFailed" "${names[@]}"
}

case ${verb:-build} in
    help) usage ;;
    build)
        set_up
        compile
        rm -rf artifacts/lampq
        dot publish src/LampQ.Cli/LampQ.Cli.csproj -c Release --no-build -o artifacts/lampq -v quiet -clp:NoSummary
        dot publish src/LampQ.ModelBuilder/LampQ.ModelBuilder.csproj -c Release --no-build -o artifacts/lampq -v quiet -clp:NoSummary
        echo 'command line: artifacts/lampq/lampq' ;;
    test) test_all ;;
    demo)
        set_up
        dot run -c Release --project examples/LampQ.Demo ;;
    clean)
        find . -path ./.git -prune -o -path ./eng/offline/onnxruntime -prune -o -type d \( -name bin -o -name obj \) -prune -exec rm -rf {} +
        rm -rf TestResults artifacts/lampq artifacts/probe artifacts/probe.log
        echo 'clean: deleted bin, obj, TestResults, artifacts/lampq' ;;
esac
