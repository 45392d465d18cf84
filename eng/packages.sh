#!/usr/bin/env bash
# Which packages does this machine reach? The answer goes to artifacts/packages.props, which Directory.Build.props
# imports, so that every later `dotnet build` agrees with it (docs/decisions/0001-packages.md).
#
#   eng/packages.sh           keep the remembered answer; ask only where there is none
#   eng/packages.sh --probe   ask again
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

answer=artifacts/packages.props
log=artifacts/probe.log

# remembered PROPERTY: its value in the last answer, or nothing.
remembered() {
    if [ -f "$answer" ]; then
        sed -n "s:.*<$1[^>]*>\([A-Za-z]*\)</$1>.*:\1:p" "$answer"
    fi
}

# probe PACKAGE: prints restored, missing (no such package), unreachable (no network) or broken (the log says why).
probe() {
    rm -rf artifacts/probe
    # The answer of an earlier network may still be in NuGet's HTTP cache, so it is not asked.
    if dotnet restore eng/probe/Probe.csproj "-p:ProbePackage=$1" --no-http-cache >"$log" 2>&1; then
        echo restored
    elif grep -q 'NU1301' "$log"; then
        echo unreachable
    elif grep -q 'NU1101' "$log"; then
        echo missing
    else
        echo broken
    fi
}

write_answer() {
    {
        echo '<Project>'
        echo '  <!-- Written by build.sh, which asks again when it is given the probe option. -->'
        echo '  <PropertyGroup>'
        echo "    <LampQPackages Condition=\"'\$(LampQPackages)' == ''\">$1</LampQPackages>"
        echo "    <LampQOrTools Condition=\"'\$(LampQOrTools)' == ''\">$2</LampQOrTools>"
        # macOS has no libturbojpeg of its own; SkiaSharp brings its decoders along.
        if [ "$(uname -s)" = Darwin ]; then
            echo "    <LampQImages Condition=\"'\$(LampQImages)' == ''\">skia</LampQImages>"
        fi
        echo '  </PropertyGroup>'
        echo '</Project>'
    } >"$answer.new"
    # One rename: an interrupted run leaves the old answer or the new one, never half of one.
    mv "$answer.new" "$answer"
}

mkdir -p artifacts
mode=$(remembered LampQPackages)
if [ -n "$mode" ] && [ "${1:-}" != --probe ]; then
    echo "packages: $mode, as found out earlier (--probe asks again)"
    exit 0
fi

case $(probe Microsoft.ML.OnnxRuntime) in
    restored) mode=nuget why='Microsoft.ML.OnnxRuntime restores' ;;
    missing) mode=offline why='the package index has no Microsoft.ML.OnnxRuntime, so its binding is built from source' ;;
    unreachable)
        if [ -z "$mode" ]; then
            cat "$log" >&2
            echo 'The package index did not answer (NU1301), and no earlier answer is remembered in artifacts/packages.props.' >&2
            echo 'Connect this machine once and run ./build.sh again, or choose: ./build.sh -p:LampQPackages=nuget (or offline).' >&2
            exit 1
        fi
        echo "packages: $mode, as last time (the package index did not answer)"
        exit 0 ;;
    *)
        cat "$log" >&2
        echo 'The restore of eng/probe failed, and neither NU1101 (no such package) nor NU1301 (no network) is the reason; see above.' >&2
        echo 'Repair what it names and run ./build.sh again, or choose: ./build.sh -p:LampQPackages=nuget (or offline).' >&2
        exit 1 ;;
esac

if [ "$(probe Google.OrTools)" = restored ]; then
    ortools=true tells='with Google.OrTools'
else
    ortools=false tells='without Google.OrTools'
fi
write_answer "$mode" "$ortools"
echo "packages: $mode, $tells ($why)"
