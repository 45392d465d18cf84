#!/usr/bin/env bash
# Writes docs/results.md and docs/results-compensated.md from runs over the real models: benchmarks/accuracy.sh [--only accuracy|recipes|timing] [DATA-FOLDER] [EVALUATION-IMAGES]
# The data folder holds models/, imagenet-calibration/ and imagenet-val/; default: LAMPQ_DATA, else shared/data beside the repository.
# Seconds want an idle machine, accuracy does not mind: --only timing measures the seconds again and leaves the rest of the file as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
only=''
if [ "${1:-}" = --only ]; then
    only=${2:-}
    case $only in accuracy | recipes | timing) shift 2 ;; *) echo "Found --only '$only'; expected accuracy, recipes or timing." >&2; exit 2 ;; esac
fi
data=${1:-${LAMPQ_DATA:-../shared/data}}
[ -d "$data/models" ] || { echo "No models in '$data'. Give the data folder: benchmarks/accuracy.sh DATA-FOLDER" >&2; exit 2; }
measure() { dotnet run -c Release --project benchmarks/LampQ.Accuracy -- "$@"; }
wanted() { [ -z "$only" ] || [ "$only" = "$1" ]; }
if wanted accuracy; then
    measure accuracy "$data" docs/results.md "${@:2}"
fi
if wanted recipes; then
    measure recipes "$data" docs/results-compensated.md "${@:2}"
fi
if wanted timing; then
    dotnet publish src/LampQ.Cli/LampQ.Cli.csproj -c Release -o artifacts/lampq -v quiet -nologo
    measure timing "$data" docs/results.md artifacts/lampq/lampq
fi
