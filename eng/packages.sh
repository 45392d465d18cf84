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

# probe PACKAGE...: prints restored (all of them, at the versions of Directory.Packages.props), missing (a package or that
# version of it), unreachable (no network) or broken (the log says why).
probe() {
    rm -rf artifacts/probe
    local packages
    packages=$(IFS='+' && echo "$*")
    # The answer of an earlier network may still be in NuGet's HTTP cache, so it is not asked.
    if dotnet restore eng/probe/Probe.csproj "-p:ProbePackages=$packages" --no-http-cache >"$log" 2>&1; then
        echo restored
    elif grep -q 'NU1301' "$log"; then
        echo unreachable
    elif grep -Eq 'NU110[12]' "$log"; then
        echo missing
    else
        echo broken
    fi
}

# reaches PROPERTY PACKAGE...: true or false; without a network, the property of the last answer.
reaches() {
    local last
    case $(probe "${@:2}") in
        restored) echo true ;;
        unreachable) last=$(remembered "$1"); echo "${last:-false}" ;;
        *) echo false ;;
    esac
}

write_answer() {
    {
        echo '<Project>'
        echo '  <!-- Written by build.sh, which asks again when it is given the probe option. -->'
        echo '  <PropertyGroup>'
        echo "    <LampQPackages Condition=\"'\$(LampQPackages)' == ''\">$1</LampQPackages>"
        # Only of mode nuget: with -p:LampQPackages=offline there is one package graph, whatever this machine reaches.
        echo "    <LampQOrTools Condition=\"'\$(LampQOrTools)' == '' and '\$(LampQPackages)' == 'nuget'\">$2</LampQOrTools>"
        echo "    <LampQExtensionsML Condition=\"'\$(LampQExtensionsML)' == '' and '\$(LampQPackages)' == 'nuget'\">$3</LampQExtensionsML>"
        echo "    <LampQImageAnalytics Condition=\"'\$(LampQImageAnalytics)' == '' and '\$(LampQPackages)' == 'nuget'\">$4</LampQImageAnalytics>"
        echo "    <LampQOnnxSharp Condition=\"'\$(LampQOnnxSharp)' == '' and '\$(LampQPackages)' == 'nuget'\">$5</LampQOnnxSharp>"
        echo "    <LampQTreeTrainers Condition=\"'\$(LampQTreeTrainers)' == '' and '\$(LampQPackages)' == 'nuget'\">$6</LampQTreeTrainers>"
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

case $(probe Microsoft.ML.OnnxRuntime Microsoft.ML.OnnxRuntime.Managed Microsoft.ML Microsoft.ML.OnnxTransformer) in
    restored) mode=nuget why='ONNX Runtime and ML.NET restore' ;;
    missing) mode=offline why='the package index lacks ONNX Runtime or ML.NET at the versions of Directory.Packages.props; see artifacts/probe.log' ;;
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
        echo 'The restore of eng/probe failed, and neither NU1101 or NU1102 (no such package or version) nor NU1301 (no network) is the reason; see above.' >&2
        echo 'Repair what it names and run ./build.sh again, or choose: ./build.sh -p:LampQPackages=nuget (or offline).' >&2
        exit 1 ;;
esac

ortools=false extensions=false images=false onnxsharp=false trees=false tells=''
if [ "$mode" = nuget ]; then
    # The log of the question that chose the mode is the one to keep.
    cp "$log" "$log.packages"
    ortools=$(reaches LampQOrTools Google.OrTools)
    extensions=$(reaches LampQExtensionsML Microsoft.Extensions.ML)
    # Tests alone use these; where one is missing they are skipped.
    images=$(reaches LampQImageAnalytics Microsoft.ML.ImageAnalytics)
    onnxsharp=$(reaches LampQOnnxSharp OnnxSharp)
    trees=$(reaches LampQTreeTrainers Microsoft.ML.FastTree Microsoft.ML.LightGbm)
    if $ortools; then tells=', with Google.OrTools'; else tells=', without Google.OrTools'; fi
    $extensions || tells+=', a stand-in for Microsoft.Extensions.ML'
    mv "$log.packages" "$log"
fi
write_answer "$mode" "$ortools" "$extensions" "$images" "$onnxsharp" "$trees"
echo "packages: $mode$tells ($why)"
