<#
.SYNOPSIS
    Runs the Pester suite in this PowerShell, with the version of Pester that tests/RedisClusterOps.Module.Tests restores.
.DESCRIPTION
    Needs a built module in out/RedisClusterOps and a built lab program. The exit status is 0 only if a test ran and none failed.
.EXAMPLE
    ./tests/Pester/run.ps1 -Path tests/Pester/Completion.Tests.ps1 -FullName '*open slots*'
#>
[CmdletBinding()]
param(
    # Test files or folders. By default, the whole suite.
    [string[]] $Path = $PSScriptRoot,

    # Wildcard patterns of the full paths of test files that are not run.
    [string[]] $ExcludePath,

    # Only tests with one of these tags. Tests tagged Offline need no server.
    [string[]] $Tag,

    # Only tests whose full name matches one of these wildcard patterns.
    [string[]] $FullName,

    # Build configuration of the lab program that starts the servers.
    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release',

    # File for the results, in the format that `dotnet test --logger trx` writes, so that one reader sums up every suite.
    [string] $ResultPath
)

$ErrorActionPreference = 'Stop'
$repository = (Resolve-Path (Join-Path $PSScriptRoot '../..')).Path

# Imports the pinned Pester from NuGet's folder. Another version that is installed here is not used.
function Import-Pester {
    $project = [xml] (Get-Content (Join-Path $repository 'tests/RedisClusterOps.Module.Tests/RedisClusterOps.Module.Tests.csproj') -Raw)
    $version = $project.SelectSingleNode("//PackageDownload[@Include='Pester']").GetAttribute('Version').Trim('[', ']')
    $packages = & dotnet nuget locals global-packages --list --force-english-output | ForEach-Object { $_ -replace '^global-packages:\s*' }
    $manifest = [IO.Path]::Combine($packages, 'pester', $version, 'tools', 'Pester.psd1')
    if (-not (Test-Path $manifest)) {
        throw "Pester $version is not restored ($manifest). Run: dotnet restore tests/RedisClusterOps.Module.Tests"
    }
    Get-Module Pester | Remove-Module
    Import-Module $manifest -Global
}

# A row per test, and one for each file or block that failed outside its tests: setup, teardown or discovery.
function ConvertTo-ResultRow($Run) {
    foreach ($test in $Run.Tests | Where-Object Result -ne 'NotRun') {
        $file = Split-Path $test.ScriptBlock.File -Leaf
        # Everything but a pass and a skip counts as a failure, an inconclusive test too.
        $outcome = switch ($test.Result) { 'Passed' { 'Passed' } 'Skipped' { 'NotExecuted' } default { 'Failed' } }
        [pscustomobject]@{ Name = "$($file): $($test.ExpandedPath)"; Outcome = $outcome; Duration = $test.Duration }
    }
    foreach ($block in $Run.FailedBlocks) {
        [pscustomobject]@{ Name = "block $($block.ExpandedPath)"; Outcome = 'Failed'; Duration = $block.Duration }
    }
    foreach ($container in $Run.FailedContainers) {
        [pscustomobject]@{ Name = "file $($container.Item)"; Outcome = 'Failed'; Duration = $container.Duration }
    }
}

function Save-Result([object[]] $Row, [string] $File) {
    $settings = New-Object Xml.XmlWriterSettings -Property @{ Indent = $true; CheckCharacters = $false }
    $writer = [Xml.XmlWriter]::Create($File, $settings)
    try {
        $writer.WriteStartElement('TestRun', 'http://microsoft.com/schemas/VisualStudio/TeamTest/2010')
        $writer.WriteStartElement('Results')
        foreach ($one in $Row) {
            $writer.WriteStartElement('UnitTestResult')
            $writer.WriteAttributeString('testName', $one.Name)
            $writer.WriteAttributeString('duration', $one.Duration.ToString('c'))
            $writer.WriteAttributeString('outcome', $one.Outcome)
            $writer.WriteEndElement()
        }
        $writer.WriteEndElement()
        $writer.WriteStartElement('ResultSummary')
        $writer.WriteStartElement('Counters')
        $writer.WriteAttributeString('total', @($Row).Count)
        $writer.WriteAttributeString('executed', @($Row | Where-Object Outcome -ne 'NotExecuted').Count)
        $writer.WriteAttributeString('passed', @($Row | Where-Object Outcome -eq 'Passed').Count)
        $writer.WriteAttributeString('failed', @($Row | Where-Object Outcome -eq 'Failed').Count)
        $writer.WriteEndDocument()
    }
    finally { $writer.Dispose() }
}

Import-Pester
if (-not $env:RCO_LAB) { $env:RCO_LAB = Join-Path $repository "src/RedisClusterOps.Lab/bin/$Configuration/net10.0/RedisClusterOps.Lab.dll" }
$settings = New-PesterConfiguration
$settings.Run.Path = $Path
$settings.Run.PassThru = $true
$settings.Output.RenderMode = 'Plaintext'
$settings.Output.Verbosity = 'Normal'
if ($ExcludePath) { $settings.Run.ExcludePath = $ExcludePath }
if ($Tag) { $settings.Filter.Tag = $Tag }
if ($FullName) { $settings.Filter.FullName = $FullName }
# Tests inherit the preferences of this scope. They get those of a new shell.
$ErrorActionPreference = 'Continue'
$run = Invoke-Pester -Configuration $settings
$ErrorActionPreference = 'Stop'
$rows = @(ConvertTo-ResultRow $run)
if ($ResultPath) { Save-Result $rows $ResultPath }
$failed = @($rows | Where-Object Outcome -eq 'Failed').Count
$passed = @($rows | Where-Object Outcome -eq 'Passed').Count
$skipped = $rows.Count - $passed - $failed
"Pester $($run.Version), PowerShell $($PSVersionTable.PSVersion): $passed passed, $failed failed, $skipped skipped"
exit $(if ($failed -eq 0 -and $passed -gt 0 -and $run.Result -eq 'Passed') { 0 } else { 1 })
