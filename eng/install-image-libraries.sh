#!/usr/bin/env bash
# Installs the two system libraries that decode JPEG and PNG, where they are missing: libturbojpeg and libpng.
# Without them everything builds, and images cannot be read; so a failure here is told, and the build goes on.
set -euo pipefail

if [ "$(uname -s)" != Linux ]; then
    exit 0
fi

# has SONAME: whether the loader finds that library. ldconfig is often outside a user's PATH.
has() { PATH=$PATH:/sbin:/usr/sbin ldconfig -p | grep "^[[:space:]]*$1 " >/dev/null; }

missing=''
has libturbojpeg.so.0 || missing="$missing libturbojpeg0"
has libpng16.so.16 || missing="$missing libpng16-16"
if [ -z "$missing" ]; then
    echo 'image libraries: libturbojpeg and libpng are there'
    exit 0
fi

give_up() {
    echo "image libraries: missing$missing, and $1." >&2
    echo '  JPEG and PNG files cannot be read until they are installed, or LampQ is built with -p:LampQImages=skia.' >&2
    exit 0
}

as_root=''
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || give_up "only root can install them (apt-get install$missing)"
    as_root=sudo
fi
command -v apt-get >/dev/null || give_up 'apt-get is not here; install the libraries of those names with your package manager'

echo "image libraries: installing$missing with apt-get"
$as_root apt-get update -qq || give_up 'apt-get update failed'
for package in $missing; do
    # Ubuntu calls Debian's libturbojpeg0 libturbojpeg.
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null ||
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${package%0}" >/dev/null ||
        give_up "apt-get could not install $package"
done
