#!/usr/bin/env bash
# Writes docs/results.md and docs/results-mixed.md from runs over the real models: benchmarks/accuracy.sh [--only accuracy|mixed|timing] [DATA-FOLDER] [EVALUATION-IMAGES]
# and docs/results-methods.md with its plot: benchmarks/accuracy.sh --only methods [--rows MODEL/PROFILE/BITS/METHOD/..] [DATA-FOLDER] [EVALUATION-IMAGES]
# The table of methods takes hours. --rows runs a part of it (* and what is left out stand for any: '*/paper/4', 'DeiT-Tiny/cpu/3/lampq+/fast/0', none for no row);
# rows that are done stay in artifacts/methods.tsv, are not run again, and are all written. Only asked for by name.
# The data folder holds models/, imagenet-calibration/ and imagenet-val/; default: LAMPQ_DATA, else shared/data beside the repository.
# Seconds want an idle machine, accuracy does not mind: --only timing measures the seconds again and leaves the rest of the file as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
only=''
if [ "${1:-}" = --only ]; then
    only=${2:-}
    case $only in accuracy | mixed | timing | methods) shift 2 ;; *) echo "Found --only '$only'; expected accuracy, mixed, timing or methods." >&2; exit 2 ;; esac
fi
rows='*'
if [ "${1:-}" = --rows ]; then
    rows=${2:-}
    shift 2
fi
data=${1:-${LAMPQ_DATA:-../shared/data}}
[ -d "$data/models" ] || { echo "No models in '$data'. Give the data folder: benchmarks/accuracy.sh DATA-FOLDER" >&2; exit 2; }
measure() { dotnet run -c Release --project benchmarks/LampQ.Accuracy -- "$@"; }
wanted() { [ -z "$only" ] || [ "$only" = "$1" ]; }
if wanted accuracy; then
    measure accuracy "$data" docs/results.md "${@:2}"
fi
if wanted mixed; then
    measure mixed "$data" docs/results-mixed.md "${@:2}"
fi
if wanted timing; then
    dotnet publish src/LampQ.Cli/LampQ.Cli.csproj -c Release -o artifacts/lampq -v quiet -nologo
    measure timing "$data" docs/results.md artifacts/lampq/lampq
fi
if [ "$only" = methods ]; then
    measure methods "$data" docs/results-methods.md artifacts/methods.tsv "$rows" "${@:2}"
fi
