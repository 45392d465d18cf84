#!/usr/bin/env bash
# Checks what git tracks: no package-registry hosts, no paths of somebody's machine, no file over 5 MB.
# Patterns are written with brackets, [.] and (a|b), so that they do not find themselves.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    echo 'check-tree: not a git checkout, nothing checked'
    exit 0
fi

wrong=0

# forbid WHAT REGEX NEXT-STEP. -I leaves binary files out.
forbid() {
    local found
    found=$(git grep -nIE -e "$2" || true)
    if [ -n "$found" ]; then
        printf '%s\n' "$found" | cut -c 1-200 >&2
        echo "check-tree: $1. $3" >&2
        wrong=1
    fi
}

forbid 'package-registry host names' \
    '(nuget|npmjs|pypi|pythonhosted|crates|rubygems|debian|ubuntu|alpinelinux|anaconda|maven)[.](org|io|com)' \
    'Expected the name alone: NuGet, npm, PyPI, Debian.'
forbid 'paths of one machine' \
    '(^|[^A-Za-z0-9_.~$}/-])/(work|root|tmp|home|Users)/|[A-Za-z]:\\+Users\\' \
    'Expected a path relative to the repository, or one found at run time.'

tooLarge=$(git ls-files -z | xargs -0 wc -c 2>/dev/null | awk '$2 != "total" && $1 > 5000000 { print $2 ": " $1 " bytes" }')
if [ -n "$tooLarge" ]; then
    printf '%s\n' "$tooLarge" >&2
    echo 'check-tree: files over 5 MB. Expected something that builds or downloads them.' >&2
    wrong=1
fi
exit "$wrong"
