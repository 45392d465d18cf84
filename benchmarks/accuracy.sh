#!/usr/bin/env bash
# Writes docs/results.md from one run over the real models: benchmarks/accuracy.sh [DATA-FOLDER] [EVALUATION-IMAGES]
# The data folder holds models/, imagenet-calibration/ and imagenet-val/; default: LAMPQ_DATA, else shared/data beside the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:-${LAMPQ_DATA:-../shared/data}}
[ -d "$data/models" ] || { echo "No models in '$data'. Give the data folder: benchmarks/accuracy.sh DATA-FOLDER" >&2; exit 2; }
dotnet run -c Release --project benchmarks/LampQ.Accuracy -- "$data" docs/results.md "${@:2}"
