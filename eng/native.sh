#!/usr/bin/env bash
# Builds the operators of ai.lampq as a native library, for users of ONNX Runtime in Python, C and C++ (docs/native.md):
#
#   src/LampQ.Native/bin/native/liblampq_ops.so   what they register; chooses one of the two beside it
#   src/LampQ.Native/bin/native/lampq_ops_v3.so   compiled for AVX2
#   src/LampQ.Native/bin/native/lampq_ops_v4.so   compiled for AVX-512
#   src/LampQ.Native/bin/native/run_model         the C program of the tests
#
# Needs Linux on x86_64, a C compiler, and .NET's ahead-of-time compiler from NuGet. Where one cannot be had it says so in one
# line and succeeds; the tests of the library are skipped then. A failed compilation is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=src/LampQ.Native/bin/native
project=src/LampQ.Native/LampQ.Native.csproj

skip() { echo "native operators: skipped, $1"; exit 0; }

if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
    skip 'they are built on Linux x86_64 only'
fi

sources=(src/LampQ.Native/*.c* src/LampQ.Runtime/{Kernels,Interop,Operators}/*.cs src/LampQ.Onnx/Packing/*.cs src/LampQ.Onnx/Graphs/ElementType.cs
    tests/LampQ.Runtime.Tests/Native/run_model.c Directory.Build.props Directory.Packages.props eng/native.sh)
if [ -e "$target/liblampq_ops.so" ] && [ -z "$(find "${sources[@]}" -newer "$target/liblampq_ops.so")" ]; then
    echo "native operators: $target is up to date"
    exit 0
fi

compiler=''
find_compiler() { compiler=$(command -v clang || command -v gcc || true); }
find_compiler
if [ -z "$compiler" ] && command -v apt-get >/dev/null; then
    as_root=''
    [ "$(id -u)" = 0 ] || as_root=sudo
    if [ -z "$as_root" ] || command -v sudo >/dev/null; then
        echo 'native operators: installing clang and lld with apt-get'
        $as_root apt-get update -qq &&
            $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends clang lld libc6-dev >/dev/null || true
        find_compiler
    fi
fi
[ -n "$compiler" ] || skip 'no C compiler is installed (Debian: apt-get install clang lld)'

log=src/LampQ.Native/bin/restore.log
mkdir -p "$target"
framework=''
for candidate in net10.0 net9.0; do
    if dotnet restore "$project" -v quiet -p:NativeFramework=$candidate >"$log" 2>&1; then
        framework=$candidate
        break
    fi
done
[ -n "$framework" ] || skip "NuGet does not give the ahead-of-time compiler (see $log)"

rm -rf "$target"
mkdir -p "$target"
for level in v3 v4; do
    dotnet publish "$project" -c Release -v quiet -nologo -p:NativeFramework=$framework -p:Baseline=$level -o "src/LampQ.Native/bin/publish-$level"
    cp "src/LampQ.Native/bin/publish-$level/lampq_ops_$level.so" "$target"
done
strict=(-O2 -Wall -Wextra -Werror -fvisibility=hidden)
"$compiler" "${strict[@]}" -o "$target/run_model" tests/LampQ.Runtime.Tests/Native/run_model.c -ldl
"$compiler" "${strict[@]}" -shared -fPIC -o "$target/liblampq_ops.so" src/LampQ.Native/dispatch.c -ldl
echo "native operators: $target/liblampq_ops.so ($framework)"
