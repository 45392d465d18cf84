#!/usr/bin/env bash
# Writes every page of benchmarks/results that needs a quiet machine, about 12 minutes on two cores: benchmarks/speed.sh [--only kernels,models,narrow,profile,memory,table,goals] [DATA-FOLDER] [NAME=VALUE...]
#
#   kernels   kernels-CPU.md      the integer product alone, every path of this CPU, share of its VNNI peak; then without AVX-512
#   models    models-CPU.md       LampQ against ONNX Runtime 1.29.0 and 1.30.0, whole models, one interleaved run
#   narrow    models-CPU-avx2.md  the same with AVX-512 and AVX-VNNI switched off for .NET (ONNX Runtime keeps them)
#   profile   profile-CPU.md      milliseconds and GOPS of each kind of operator
#   memory    memory.md           resident memory
#   table     benchmark-CPU.md    BenchmarkDotNet's table of the kernels
#   goals     goals.md            what was to be reached, and what each CPU reaches, read from the pages above
#
# NAME=VALUE as LampQ.Speed takes them: seconds=10 threads=1,2 batch=1,8; clock=processor threads=1 for a machine that is busy. ONNX Runtime comes from npm in both package modes.
set -euo pipefail
cd "$(dirname "$0")/.."
parts=kernels,models,narrow,profile,memory,table,goals
if [ "${1:-}" = --only ]; then
    parts=${2:?Give the parts: --only kernels,models}
    shift 2
fi
data=${LAMPQ_DATA:-../shared/data}
case ${1:-=} in *=*) ;; *) data=$1; shift ;; esac
wanted() { case ,$parts, in *,"$1",*) echo "speed: $1, $(date +%H:%M:%S)" ;; *) false ;; esac; }

field() { awk -F': *' -v name="$1" '{ gsub(/[ \t]+$/, "", $1) } $1 == name { print $2; exit }' /proc/cpuinfo; }
family=$(field 'cpu family') model=$(field model) cpu='' title=''
case $(field vendor_id)-$family in
    AuthenticAMD-26) cpu=zen5 title='Zen 5' ;;
    AuthenticAMD-25) if [ "$model" -ge 16 ] && [ "$model" -le 31 ] || [ "$model" -ge 96 ]; then cpu=zen4 title='Zen 4'; fi ;;
esac
if [ -z "$cpu" ]; then
    cpu=$(field 'model name' | tr -cs 'A-Za-z0-9\n' '-' | tr 'A-Z' 'a-z')
    cpu=${cpu%-}
    title=$(field 'model name')
fi
results=benchmarks/results work=artifacts/speed
mkdir -p "$work" "$results"
export DOTNET_NOLOGO=1

dotnet build -c Release -v q -clp:NoSummary benchmarks/LampQ.Speed
dotnet build -c Release -v q -clp:NoSummary benchmarks/LampQ.Kernels
built=benchmarks/LampQ.Speed/bin/Release/net10.0 kernels=benchmarks/LampQ.Kernels/bin/Release/net10.0/LampQ.Kernels

# program VERSION LIBRARY: the program with one ONNX Runtime in the place where the package mode has put its own.
program() {
    local folder=$work/program-$1 own=runtimes/linux-x64/native/libonnxruntime.so
    rm -rf "$folder"
    cp -r "$built" "$folder"
    [ -e "$folder/$own" ] || own=libonnxruntime.so
    cp "$2" "$folder/$own"
}

both_runtimes() {
    eng/fetch-onnxruntime.sh
    program 1.29.0 eng/offline/onnxruntime/package/Plugins/Linux/x64/libonnxruntime.so
    local version=1.30.0
    if [ ! -e "$work/onnxruntime-$version/libonnxruntime.so" ]; then
        npm pack "onnxruntime-node@$version" --pack-destination "$work" --ignore-scripts >/dev/null
        mkdir -p "$work/onnxruntime-$version"
        tar -xzOf "$work/onnxruntime-node-$version.tgz" package/bin/napi-v6/linux/x64/libonnxruntime.so.1 >"$work/onnxruntime-$version/libonnxruntime.so"
        rm "$work/onnxruntime-node-$version.tgz"
    fi
    program $version "$work/onnxruntime-$version/libonnxruntime.so"
}

# against PAGE NAME=VALUE...: LampQ.Speed on both versions.
against() { "$built/LampQ.Speed" "$work/models" "$1" "1.29.0=$work/program-1.29.0" "1.30.0=$work/program-1.30.0" "${@:2}"; }

if wanted kernels; then
    {
        echo "# Kernels on $title"
        echo
        echo "Written by benchmarks/speed.sh on $(date -u +%Y-%m-%d): $(field 'model name'), family $family, model $model, $(nproc) cores, .NET $(dotnet --version). int32 sums stored, random operands, GOPS are 2·M·K·N over time."
        echo "Rounds of all products are interleaved; a cell is its best round, its share is of the VPDPBUSD peak measured on the same threads right before and after. w4a8 is 4-bit weights and 8-bit codes."
        echo
        fastest=$("$kernels" fastest)
        "$kernels" table 20 1,2 '' "$fastest"
        echo '## The other paths'
        echo
        "$kernels" table 10 1 'DeiT-S fc1 197' ''
        echo '## Without AVX-512 and AVX-VNNI'
        echo
        echo '`DOTNET_EnableAVX512=0 DOTNET_EnableAVXVNNI=0`, so the runtime has 16 registers.'
        echo
        DOTNET_EnableAVX512=0 DOTNET_EnableAVXVNNI=0 "$kernels" table 10 1 'DeiT-S fc1 197' avx2
    } >"$work/kernels.md"
    mv "$work/kernels.md" "$results/kernels-$cpu.md"
fi

if wanted models; then
    both_runtimes
    tiny=()
    float=$data/models/deit_tiny_patch16_224.onnx quantized=$work/deit-tiny.q.onnx
    if [ -e "$float" ]; then
        [ -e "$quantized" ] || dotnet run -c Release --project src/LampQ.Cli -- quantize "$float" -o "$quantized" --data "$data/imagenet-calibration/labels.tsv" --resize 248 --crop 224
        tiny=("tiny=$float,$quantized")
    fi
    against "$results/models-$cpu.md" "title=$title" ${tiny[@]+"${tiny[@]}"} "$@" >/dev/null
fi

if wanted narrow; then
    both_runtimes
    DOTNET_EnableAVX512=0 DOTNET_EnableAVXVNNI=0 against "$results/models-$cpu-avx2.md" "title=$title without AVX-512 and AVX-VNNI" batch=1 spellings=qdq "$@" >/dev/null
fi

if wanted profile; then
    "$built/LampQ.Speed" profile "$work/models" "$results/profile-$cpu.md" "$title"
fi

if wanted memory; then
    "$built/LampQ.Speed" memory "$work/models" "$results/memory.md" >/dev/null
fi

if wanted table; then
    report=$work/benchmarkdotnet
    "$kernels" --filter '*' --artifacts "$report" --exporters github >"$work/benchmarkdotnet.log"
    { echo "# BenchmarkDotNet's table of the kernels on $title"; echo; cat "$report"/results/*-github.md; } >"$results/benchmark-$cpu.md"
fi

if wanted goals; then
    "$built/LampQ.Speed" goals "$results"
fi
echo "speed: done, $(date +%H:%M:%S)"
