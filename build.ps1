<#
.SYNOPSIS
    Builds, tests, analyzes or packs the module, or generates its help.
.DESCRIPTION
    Runs on Windows PowerShell 5.1 and PowerShell 7. Requires the .NET SDK.
.EXAMPLE
    ./build.ps1
    Stages an importable module in out/RedisClusterOps.
.EXAMPLE
    ./build.ps1 -Task Test, Pester, Analyze, Package
    Runs the .NET tests, the Pester suite in this PowerShell and PSScriptAnalyzer, and creates a package.
.EXAMPLE
    ./build.ps1 -Task Help
    Generates en-US from docs: the about topics that have a page, and RedisClusterOps.dll-Help.xml, which requires the module Microsoft.PowerShell.PlatyPS 1.0.
#>
[CmdletBinding()]
param(
    [ValidateSet('Build', 'Test', 'Pester', 'Analyze', 'Help', 'Package')]
    [string[]] $Task = 'Build',

    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release',

    # Runs only Pester tests with this tag. Tests tagged Offline need no server.
    [string[]] $Tag
)

$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest
$solution = Join-Path $PSScriptRoot 'RedisClusterOps.sln'
$out = Join-Path $PSScriptRoot 'out'
. (Join-Path $PSScriptRoot 'tools/MamlHelp.ps1')
. (Join-Path $PSScriptRoot 'tools/AboutTopic.ps1')
. (Join-Path $PSScriptRoot 'tools/Package.ps1')

function Invoke-DotNet {
    & dotnet @args
    if ($LASTEXITCODE -ne 0) { throw "dotnet $($args[0]) failed with exit code $LASTEXITCODE." }
}

foreach ($name in $Task) {
    switch ($name) {
        'Build' { Invoke-DotNet build $solution --configuration $Configuration }
        'Test' { Invoke-DotNet test $solution --configuration $Configuration }
        'Help' {
            foreach ($topic in $AboutPages.Keys) {
                $file = Join-Path $PSScriptRoot "en-US/$topic.help.txt"
                [IO.File]::WriteAllText($file, (Get-AboutTopic $PSScriptRoot $topic))
            }
            Import-Module Microsoft.PowerShell.PlatyPS -MinimumVersion 1.0
            $pages = Import-MarkdownCommandHelp (Join-Path $PSScriptRoot 'docs/en-US/*.md')
            $made = $pages | Export-MamlCommandHelp -OutputFolder (Join-Path $out 'help') -Force
            Save-Xml (Convert-Maml (Get-Content $made -Raw) $pages) (Join-Path $PSScriptRoot 'en-US/RedisClusterOps.dll-Help.xml')
        }
        'Pester' {
            # Builds the module and the lab, and restores Pester. This PowerShell runs the suite.
            foreach ($project in 'src/RedisClusterOps.Lab', 'tests/RedisClusterOps.Module.Tests') {
                Invoke-DotNet build (Join-Path $PSScriptRoot $project) --configuration $Configuration
            }
            $selection = @{ Configuration = $Configuration }
            if ($Tag) { $selection.Tag = $Tag }
            & (Join-Path $PSScriptRoot 'tests/Pester/run.ps1') @selection
            if ($LASTEXITCODE -ne 0) { throw 'The Pester suite failed.' }
        }
        'Analyze' {
            Import-Module PSScriptAnalyzer
            $settings = Join-Path $PSScriptRoot 'PSScriptAnalyzerSettings.psd1'
            $found = 'build.ps1', 'RedisClusterOps.psd1', 'runbooks', 'tools', 'tests/Pester' |
                ForEach-Object { Invoke-ScriptAnalyzer -Path (Join-Path $PSScriptRoot $_) -Recurse -Settings $settings }
            $lines = $found | ForEach-Object { "$($_.ScriptName):$($_.Line) $($_.RuleName): $($_.Message)" }
            if ($lines) { throw "PSScriptAnalyzer found: $($lines | Out-String)" }
        }
        'Package' {
            $project = Join-Path $PSScriptRoot 'src/RedisClusterOps/RedisClusterOps.csproj'
            Invoke-DotNet build $project --configuration Release
            Export-Package $PSScriptRoot $out
        }
    }
}
