#!/usr/bin/env bash
# Writes benchmarks/results/CPU.md: LampQ against ONNX Runtime, whole models, in one interleaved run: benchmarks/speed.sh [DATA-FOLDER] [NAME=VALUE...]
# Compares with the ONNX Runtime of the build and with 1.30.0, which comes from npm (onnxruntime-node) into artifacts/. NAME=VALUE as LampQ.Speed takes them: seconds=10 threads=1,2 batch=1,8.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:-${LAMPQ_DATA:-../shared/data}}
work=artifacts/speed
version=1.30.0
mkdir -p "$work"

dotnet build -c Release -v q -nologo benchmarks/LampQ.Speed
built=benchmarks/LampQ.Speed/bin/Release/net10.0
if [ ! -e "$work/onnxruntime-$version/libonnxruntime.so" ]; then
    npm pack "onnxruntime-node@$version" --pack-destination "$work" --ignore-scripts >/dev/null
    mkdir -p "$work/onnxruntime-$version"
    tar -xzOf "$work/onnxruntime-node-$version.tgz" package/bin/napi-v6/linux/x64/libonnxruntime.so.1 >"$work/onnxruntime-$version/libonnxruntime.so"
    rm "$work/onnxruntime-node-$version.tgz"
fi
other=$work/program-$version
rm -rf "$other"
cp -r "$built" "$other"
cp "$work/onnxruntime-$version/libonnxruntime.so" "$other/"

models=$data/models
tiny=()
if [ -d "$models" ]; then
    ./build.sh build
    artifacts/lampq/lampq quantize "$models/deit_tiny_patch16_224.onnx" -o "$work/deit-tiny.q.onnx" --data "$data/imagenet-calibration/labels.tsv" --resize 248 --crop 224
    tiny=("tiny=$models/deit_tiny_patch16_224.onnx,$work/deit-tiny.q.onnx")
fi
cpu=$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo | tr -cs 'A-Za-z0-9\n' '-' | tr 'A-Z' 'a-z')
mkdir -p benchmarks/results
"$built/LampQ.Speed" "$work/models" "benchmarks/results/models-${cpu%-}.md" "1.29.0=$built" "$version=$other" ${tiny[@]+"${tiny[@]}"} "${@:2}"
