#!/usr/bin/env bash
# Writes docs/defaults.md, what the defaults of the metrics and of refinement were picked by: benchmarks/defaults.sh [DATA-FOLDER] [HELD-OUT-IMAGES]
# The data folder holds models/ and imagenet-calibration/; default: LAMPQ_DATA, else shared/data beside the repository. No evaluation image is touched.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:-${LAMPQ_DATA:-../shared/data}}
[ -d "$data/models" ] || { echo "No models in '$data'. Give the data folder: benchmarks/defaults.sh DATA-FOLDER" >&2; exit 2; }
dotnet run -c Release --project benchmarks/LampQ.Accuracy -- defaults "$data" docs/defaults.md "${@:2}"
