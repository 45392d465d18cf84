#!/usr/bin/env pwsh
# build.sh for PowerShell 7 on Windows and macOS: the same verbs, steps and last lines (./build.ps1 help).
# The names of package modes and their reasons: docs/decisions/0001-packages.md.
#Requires -Version 7.2
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
# dotnet's exit codes are looked at below, one by one.
$PSNativeCommandUseErrorActionPreference = $false
Set-Location $PSScriptRoot

$help = @'
./build.ps1 [VERB] [--probe] [-p:NAME=VALUE ...]

  build   set up, compile everything, leave the command line at artifacts/lampq/lampq (the default)
  test    set up, compile, run all tests; the last line is the total
  demo    set up, run examples/LampQ.Demo
  clean   delete what was compiled; downloads and the package mode stay
  help    print this

  --probe            ask again which packages this machine reaches (otherwise the first answer is kept)
  -p:NAME=VALUE      handed to every dotnet call: -p:LampQPackages=nuget or offline, -p:LampQImages=skia

Setting up needs the .NET SDK; npm where NuGet lacks ONNX Runtime; on Linux apt-get where libturbojpeg or libpng are missing.
'@

$verb = ''
$ask = $false
$properties = @()
# PowerShell takes -p:NAME=VALUE for a parameter and its value where it is not quoted, and always where another shell calls `pwsh build.ps1`.
$half = ''
foreach ($argument in $args) {
    $text = "$half$argument"
    $half = ''
    if ($text -cin '-p', '-p:') { $half = '-p:' }
    elseif ($text -eq '--probe') { $ask = $true }
    elseif ($text -cmatch '^-p:.+=') { $properties += $text }
    elseif ($text -in '-h', '--help') { $verb = 'help' }
    elseif ($text -in 'build', 'test', 'demo', 'clean', 'help') {
        if ($verb) {
            [Console]::Error.WriteLine("Found two verbs, $verb and $text; expected one. Run them one after the other.")
            exit 2
        }
        $verb = $text
    }
    else {
        [Console]::Error.WriteLine("Found '$text'; expected one of build, test, demo, clean, help, --probe, -p:NAME=VALUE.")
        [Console]::Error.WriteLine($help)
        exit 2
    }
}
if ($half) {
    [Console]::Error.WriteLine("Found '-p:' and nothing behind it; expected -p:NAME=VALUE.")
    exit 2
}
if (-not $verb) { $verb = 'build' }

$env:DOTNET_NOLOGO = '1'
$env:DOTNET_CLI_TELEMETRY_OPTOUT = '1'
$answer = Join-Path $PSScriptRoot 'artifacts/packages.props'

function Stop-Build([string] $message) {
    [Console]::Error.WriteLine($message)
    # `exit` inside a function ends the script, and runs its finally blocks.
    exit 1
}

function Invoke-Dotnet {
    & dotnet @args @properties
    if ($LASTEXITCODE -ne 0) { Stop-Build "dotnet $($args[0]) failed with exit code $LASTEXITCODE; see above." }
}

# A property of the last answer, or nothing.
function Get-Remembered([string] $property) {
    if ((Test-Path $answer) -and ((Get-Content -Raw $answer) -match "<$property[^>]*>([a-z]+)</$property>")) { $Matches[1] }
    else { '' }
}

# restored (all of them, at the versions of Directory.Packages.props), missing (a package or that version of it), unreachable (no network)
# or broken (artifacts/probe.log says why).
function Get-ProbeResult([string[]] $packages) {
    if (Test-Path artifacts/probe) { Remove-Item -Recurse -Force artifacts/probe }
    $output = & dotnet restore eng/probe/Probe.csproj "-p:ProbePackages=$($packages -join '+')" --no-http-cache 2>&1 | Out-String
    $code = $LASTEXITCODE
    Set-Content -Path artifacts/probe.log -Value $output
    if ($code -eq 0) { 'restored' }
    elseif ($output -match 'NU1301') { 'unreachable' }
    elseif ($output -match 'NU110[12]') { 'missing' }
    else { 'broken' }
}

# true or false; without a network, the property of the last answer.
function Get-Reach([string[]] $packages, [string] $property) {
    switch (Get-ProbeResult $packages) {
        'restored' { 'true' }
        'unreachable' { if ((Get-Remembered $property) -eq 'true') { 'true' } else { 'false' } }
        default { 'false' }
    }
}

function Select-PackageMode {
    New-Item -ItemType Directory -Force artifacts | Out-Null
    $mode = Get-Remembered LampQPackages
    if ($mode -and -not $ask) {
        Write-Host "packages: $mode, as found out earlier (--probe asks again)"
        return
    }
    switch (Get-ProbeResult 'Microsoft.ML.OnnxRuntime', 'Microsoft.ML.OnnxRuntime.Managed', 'Microsoft.ML', 'Microsoft.ML.OnnxTransformer') {
        'restored' { $mode = 'nuget'; $why = 'ONNX Runtime and ML.NET restore' }
        'missing' { $mode = 'offline'; $why = 'the package index lacks ONNX Runtime or ML.NET at the versions of Directory.Packages.props; see artifacts/probe.log' }
        'unreachable' {
            if ($mode) {
                Write-Host "packages: $mode, as last time (the package index did not answer)"
                return
            }
            Get-Content artifacts/probe.log | Write-Host
            Stop-Build ('The package index did not answer (NU1301), and no earlier answer is remembered in artifacts/packages.props. ' +
                "Connect this machine once and run ./build.ps1 again, or choose: ./build.ps1 -p:LampQPackages=nuget (or offline).")
        }
        default {
            Get-Content artifacts/probe.log | Write-Host
            Stop-Build ('The restore of eng/probe failed, and neither NU1101 or NU1102 (no such package or version) nor NU1301 (no network) is the reason; see above. ' +
                "Repair what it names and run ./build.ps1 again, or choose: ./build.ps1 -p:LampQPackages=nuget (or offline).")
        }
    }
    $orTools = 'false'; $extensions = 'false'; $images = 'false'; $onnxSharp = 'false'; $trees = 'false'; $tells = ''
    if ($mode -eq 'nuget') {
        # The log of the question that chose the mode is the one to keep.
        Copy-Item artifacts/probe.log artifacts/probe.log.packages
        $orTools = Get-Reach 'Google.OrTools' 'LampQOrTools'
        $extensions = Get-Reach 'Microsoft.Extensions.ML' 'LampQExtensionsML'
        # Tests alone use these; where one is missing they are skipped.
        $images = Get-Reach 'Microsoft.ML.ImageAnalytics' 'LampQImageAnalytics'
        $onnxSharp = Get-Reach 'OnnxSharp' 'LampQOnnxSharp'
        $trees = Get-Reach ('Microsoft.ML.FastTree', 'Microsoft.ML.LightGbm') 'LampQTreeTrainers'
        $tells = if ($orTools -eq 'true') { ', with Google.OrTools' } else { ', without Google.OrTools' }
        if ($extensions -ne 'true') { $tells += ', a stand-in for Microsoft.Extensions.ML' }
        Move-Item -Force artifacts/probe.log.packages artifacts/probe.log
    }
    $lines = @(
        '<Project>'
        '  <!-- Written by build.ps1, which asks again when it is given the probe option. -->'
        '  <PropertyGroup>'
        "    <LampQPackages Condition=`"'`$(LampQPackages)' == ''`">$mode</LampQPackages>"
        "    <LampQOrTools Condition=`"'`$(LampQOrTools)' == '' and '`$(LampQPackages)' == 'nuget'`">$orTools</LampQOrTools>"
        "    <LampQExtensionsML Condition=`"'`$(LampQExtensionsML)' == '' and '`$(LampQPackages)' == 'nuget'`">$extensions</LampQExtensionsML>"
        "    <LampQImageAnalytics Condition=`"'`$(LampQImageAnalytics)' == '' and '`$(LampQPackages)' == 'nuget'`">$images</LampQImageAnalytics>"
        "    <LampQOnnxSharp Condition=`"'`$(LampQOnnxSharp)' == '' and '`$(LampQPackages)' == 'nuget'`">$onnxSharp</LampQOnnxSharp>"
        "    <LampQTreeTrainers Condition=`"'`$(LampQTreeTrainers)' == '' and '`$(LampQPackages)' == 'nuget'`">$trees</LampQTreeTrainers>"
    )
    # Only Linux has libturbojpeg and libpng where LampQ looks for them; SkiaSharp brings its decoders along.
    if (-not $IsLinux) { $lines += "    <LampQImages Condition=`"'`$(LampQImages)' == ''`">skia</LampQImages>" }
    $lines += '  </PropertyGroup>', '</Project>'
    Set-Content -Path "$answer.new" -Value $lines
    Move-Item -Force "$answer.new" $answer
    Write-Host "packages: $mode$tells ($why)"
}

# The steps of eng/fetch-onnxruntime.sh.
function Get-OnnxRuntime {
    $pin = Join-Path $PSScriptRoot 'eng/onnxruntime.sha512'
    $target = Join-Path $PSScriptRoot 'eng/offline/onnxruntime'
    $pinned = (Get-Content -Raw $pin).Trim()
    $expected, $archive = $pinned -split '\s+'
    $null = $archive -match '^(.+)-([0-9.]+)\.tgz$'
    $name, $version = $Matches[1], $Matches[2]

    $mark = Join-Path $target 'fetched.sha512'
    if ((Test-Path $mark) -and ((Get-Content -Raw $mark).Trim() -eq $pinned)) {
        Write-Host "onnxruntime: $name $version is there"
        return
    }
    if ($IsWindows) { $native = 'Plugins/Windows/x64' }
    elseif ($IsMacOS) { $native = 'Plugins/macOS/arm64' }
    else { $native = 'Plugins/Linux/x64' }
    if (-not (Get-Command npm -ErrorAction Ignore)) {
        Stop-Build "npm is not installed; it fetches ONNX Runtime (package $name) where NuGet lacks it. Install Node.js and run ./build.ps1 again."
    }

    $work = Join-Path $PSScriptRoot "artifacts/onnxruntime.$PID"
    New-Item -ItemType Directory -Force "$work/onnxruntime" | Out-Null
    try {
        Write-Host "onnxruntime: fetching $name $version from npm (150 MB)"
        & npm pack "$name@$version" --pack-destination $work --ignore-scripts | Out-Null
        if ($LASTEXITCODE -ne 0) { Stop-Build "npm could not fetch $name@$version; see above. Connect this machine and run ./build.ps1 again." }
        $found = (Get-FileHash -Algorithm SHA512 "$work/$archive").Hash.ToLowerInvariant()
        if ($found -ne $expected) {
            Stop-Build "$archive is not the file that eng/onnxruntime.sha512 pins; it was not unpacked. Found $found, expected $expected."
        }
        & tar -xzf "$work/$archive" -C "$work/onnxruntime" '--exclude=*.meta' `
            package/LICENSE package/ThirdPartyNotices.txt package/package.json package/Runtime "package/$native"
        if ($LASTEXITCODE -ne 0) { Stop-Build "tar could not unpack $archive; see above." }
        Copy-Item $pin "$work/onnxruntime/fetched.sha512"
        if (Test-Path $target) { Remove-Item -Recurse -Force $target }
        Move-Item "$work/onnxruntime" $target
        Write-Host 'onnxruntime: unpacked to eng/offline/onnxruntime'
    }
    finally {
        Remove-Item -Recurse -Force $work
    }
}

function Initialize-Machine {
    if (-not (Get-Command dotnet -ErrorAction Ignore)) {
        Stop-Build 'The .NET SDK is not installed; global.json asks for 10.0.100 or a later 10.0. Install it and run ./build.ps1 again.'
    }
    $chosen = @($properties | Where-Object { $_ -clike '-p:LampQPackages=*' })
    if ($chosen.Count -gt 0) {
        $mode = ($chosen[-1] -split '=', 2)[1]
        Write-Host "packages: $mode, as the command line says"
    }
    else {
        Select-PackageMode
        $mode = Get-Remembered LampQPackages
    }
    if ($mode -eq 'offline') { Get-OnnxRuntime }
    if ($IsLinux) {
        & bash eng/install-image-libraries.sh
        if ($LASTEXITCODE -ne 0) { Stop-Build 'eng/install-image-libraries.sh failed; see above.' }
    }
}

function Build-Solution {
    Invoke-Dotnet build LampQ.MLNet.sln -c Release -v quiet '-clp:NoSummary'
    Write-Host 'build: LampQ.MLNet.sln, Release'
    # A restore that had to change a lock file found project files that are newer than it.
    $stale = @()
    if (Get-Command git -ErrorAction Ignore) { $stale = @(& git status --porcelain --untracked-files=all -- '*.lock.json' 2>$null) }
    if ($stale.Count -gt 0) {
        Write-Host 'lock files: these changed; commit them with the project files they follow:'
        $stale | ForEach-Object { Write-Host "  $($_.Substring(3))" }
    }
}

# A step that is written for bash; Windows goes without. False where it failed.
function Invoke-Bash([string] $script) {
    if ($IsWindows) {
        Write-Host "${script}: not run, it needs Linux or macOS"
        return $true
    }
    & bash $script | Out-Host
    $LASTEXITCODE -eq 0
}

# The sums of eng/totals.sh, which says what each of them means.
function Invoke-Tests {
    $failed = 0
    if (-not (Invoke-Bash eng/native.sh)) { $failed += 1 }
    if (Test-Path TestResults) { Remove-Item -Recurse -Force TestResults }
    New-Item -ItemType Directory TestResults | Out-Null
    $projects = @(Select-String -Path LampQ.MLNet.sln -Pattern '"(tests[^"]*\.Tests\.csproj)"' |
            ForEach-Object { $_.Matches[0].Groups[1].Value.Replace('\', '/') })
    $passed = 0; $skipped = 0; $lines = @()
    foreach ($project in $projects) {
        $name = [IO.Path]::GetFileNameWithoutExtension($project)
        & dotnet test $project -c Release --no-build --logger "trx;LogFilePrefix=$name" --results-directory TestResults `
            --blame-hang-timeout 10m --blame-hang-dump-type none @properties | Out-Host
        $code = $LASTEXITCODE
        $p = 0; $f = 0; $s = 0; $crashed = $false; $broken = ''
        $files = @(Get-ChildItem TestResults -Filter "${name}_*.trx")
        foreach ($file in $files) {
            try { $summary = ([xml](Get-Content -Raw $file.FullName)).TestRun.ResultSummary }
            catch { $crashed = $true; continue }
            $c = $summary.Counters
            $p += [int]$c.passed
            $f += [int]$c.failed + [int]$c.error + [int]$c.timeout + [int]$c.aborted
            $s += [int]$c.total - [int]$c.executed
            if (@($summary.SelectNodes("*[local-name()='RunInfos']/*[@outcome='Error']")).Count -gt 0) { $crashed = $true }
        }
        if ($files.Count -eq 0) { $broken = 'no TRX file was written; did the test host start?' }
        elseif ($crashed) { $broken = 'the test run was aborted (the TRX file says why); tests after that point did not run' }
        elseif ($p + $f + $s -eq 0) { $broken = 'no test was found' }
        elseif ($code -ne 0 -and $f -eq 0) { $broken = "dotnet test ended with exit code $code, yet no test failed" }
        if ($broken) { $f += 1; $lines += "${name}: $broken" }
        $lines += "${name}: $p passed, $f failed, $s skipped"
        $passed += $p; $failed += $f; $skipped += $s
    }
    if (-not (Invoke-Bash eng/check-tree.sh)) { $failed += 1 }
    $lines | Write-Host
    Write-Host "$passed passed, $failed failed, $skipped skipped"
    $script:testsFailed = $failed
}

switch ($verb) {
    'help' { Write-Host $help }
    'build' {
        Initialize-Machine
        Build-Solution
        if (Test-Path artifacts/lampq) { Remove-Item -Recurse -Force artifacts/lampq }
        Invoke-Dotnet publish src/LampQ.Cli/LampQ.Cli.csproj -c Release --no-build -o artifacts/lampq -v quiet '-clp:NoSummary'
        Invoke-Dotnet publish src/LampQ.ModelBuilder/LampQ.ModelBuilder.csproj -c Release --no-build -o artifacts/lampq -v quiet '-clp:NoSummary'
        Write-Host 'command line: artifacts/lampq/lampq'
    }
    'test' {
        $testsFailed = -1
        try {
            Initialize-Machine
            Build-Solution
            Invoke-Tests
        }
        finally {
            if ($testsFailed -lt 0) {
                Write-Host 'The run ended before its tests; see above.'
                Write-Host '0 passed, 1 failed'
            }
        }
        if ($testsFailed -ne 0) { exit 1 }
    }
    'demo' {
        Initialize-Machine
        Invoke-Dotnet run -c Release --project examples/LampQ.Demo
    }
    'clean' {
        Get-ChildItem src, tests, examples, benchmarks, eng/offline -Directory -ErrorAction Ignore | Where-Object Name -ne 'onnxruntime' |
            ForEach-Object { Join-Path $_.FullName 'bin'; Join-Path $_.FullName 'obj' } |
            Where-Object { Test-Path $_ } | ForEach-Object { Remove-Item -Recurse -Force $_ }
        foreach ($path in 'TestResults', 'artifacts/lampq', 'artifacts/probe', 'artifacts/probe.log') {
            if (Test-Path $path) { Remove-Item -Recurse -Force $path }
        }
        Write-Host 'clean: deleted bin, obj, TestResults, artifacts/lampq'
    }
}
