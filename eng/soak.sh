#!/usr/bin/env bash
# One session of a packed model, eight callers, and a garbage collector that never rests; every result has to have the same bits.
#
#   eng/soak.sh [SECONDS]    300 when left out; the tests do the same for 3
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LAMPQ_SOAK_SECONDS=${1:-300}
exec dotnet test tests/LampQ.Runtime.Tests/LampQ.Runtime.Tests.csproj -c Release --nologo --filter Name~PackedModel_EightCallers --logger 'console;verbosity=detailed'
