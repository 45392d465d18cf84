#!/usr/bin/env bash
# Fetches ONNX Runtime for the offline package mode: the official C# binding's sources and the native library, both from
# the npm package that eng/onnxruntime.sha512 pins, into eng/offline/onnxruntime. Does nothing when they are there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

pin=$PWD/eng/onnxruntime.sha512
target=eng/offline/onnxruntime
archive=$(awk '{ print $2 }' "$pin")    # NAME-VERSION.tgz, as npm names it
name=${archive%-*}
version=${archive##*-}
version=${version%.tgz}

# The pin is copied in last, so it marks a complete copy of exactly that package.
if cmp -s "$pin" "$target/fetched.sha512"; then
    echo "onnxruntime: $name $version is there"
    exit 0
fi

case $(uname -s)-$(uname -m) in
    Linux-x86_64) native=Plugins/Linux/x64 ;;
    Darwin-arm64) native=Plugins/macOS/arm64 ;;
    *)
        echo "The npm package $name has no ONNX Runtime library for $(uname -s) on $(uname -m); it has Linux x86_64 and macOS arm64." >&2
        echo 'Use a package index that has Microsoft.ML.OnnxRuntime: ./build.sh --probe' >&2
        exit 1 ;;
esac

if ! command -v npm >/dev/null; then
    echo "npm is not installed; it fetches ONNX Runtime (package $name) where NuGet lacks it." >&2
    echo 'Install it (Debian: apt-get install npm) and run ./build.sh again.' >&2
    exit 1
fi

mkdir -p artifacts
work=$(mktemp -d "$PWD/artifacts/onnxruntime.XXXXXX")
trap 'rm -rf "$work"' EXIT

echo "onnxruntime: fetching $name $version from npm (150 MB)"
if ! npm pack "$name@$version" --pack-destination "$work" --ignore-scripts >"$work/npm.log" 2>&1; then
    cat "$work/npm.log" >&2
    echo "npm could not fetch $name@$version; see above. Connect this machine and run ./build.sh again." >&2
    exit 1
fi

checksum() { if command -v sha512sum >/dev/null; then sha512sum "$@"; else shasum -a 512 "$@"; fi; }
if ! (cd "$work" && checksum -c "$pin" >/dev/null 2>&1); then
    echo "$archive is not the file that eng/onnxruntime.sha512 pins; it was not unpacked." >&2
    echo "found    $(checksum <"$work/$archive" | cut -c 1-128)" >&2
    echo "expected $(cut -c 1-128 "$pin")" >&2
    echo 'Remove it from the npm cache (npm cache clean --force) and run ./build.sh again.' >&2
    exit 1
fi

mkdir "$work/onnxruntime"
tar -xzf "$work/$archive" -C "$work/onnxruntime" --exclude='*.meta' \
    package/LICENSE package/ThirdPartyNotices.txt package/package.json package/Runtime "package/$native"
cp "$pin" "$work/onnxruntime/fetched.sha512"
rm -rf "$target"
mv "$work/onnxruntime" "$target"
echo "onnxruntime: unpacked to $target"
