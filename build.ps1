<#
.SYNOPSIS
    Builds, tests or packs the module, or makes its help. Runs on Windows PowerShell 5.1 and PowerShell 7; needs the .NET SDK.
.EXAMPLE
    ./build.ps1
    Stages an importable module in out/RedisClusterOps.
.EXAMPLE
    ./build.ps1 -Task Test, Package
.EXAMPLE
    ./build.ps1 -Task Help
    Makes en-US/RedisClusterOps.dll-Help.xml from docs/en-US. Needs the module Microsoft.PowerShell.PlatyPS 1.0.
#>
[CmdletBinding()]
param(
    [ValidateSet('Build', 'Test', 'Help', 'Package')]
    [string[]] $Task = 'Build',

    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release'
)

$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest
$solution = Join-Path $PSScriptRoot 'RedisClusterOps.sln'
$out = Join-Path $PSScriptRoot 'out'
. (Join-Path $PSScriptRoot 'tools/MamlHelp.ps1')

function Invoke-DotNet {
    & dotnet @args
    if ($LASTEXITCODE -ne 0) { throw "dotnet $($args[0]) failed with exit code $LASTEXITCODE." }
}

# A module that ships one file too many or too few is found here, not by its users.
function Assert-Staged([string] $Folder) {
    $expected = @(
        'RedisClusterOps.Core.dll'
        'RedisClusterOps.Format.ps1xml'
        'RedisClusterOps.dll'
        'RedisClusterOps.psd1'
        'en-US/RedisClusterOps.dll-Help.xml'
        'en-US/about_RedisClusterOps.help.txt'
        'en-US/about_RedisSlotMigration.help.txt'
    )
    $root = (Resolve-Path $Folder).Path
    $found = Get-ChildItem $root -Recurse -File | ForEach-Object { $_.FullName.Substring($root.Length + 1).Replace('\', '/') }
    $difference = Compare-Object $expected @($found)
    if ($difference) { throw "The staged module is not what ships: $($difference | Out-String)" }
}

foreach ($name in $Task) {
    switch ($name) {
        'Build' { Invoke-DotNet build $solution --configuration $Configuration }
        'Test' { Invoke-DotNet test $solution --configuration $Configuration }
        'Help' {
            Import-Module Microsoft.PowerShell.PlatyPS -MinimumVersion 1.0
            $pages = Import-MarkdownCommandHelp (Join-Path $PSScriptRoot 'docs/en-US/*.md')
            $made = $pages | Export-MamlCommandHelp -OutputFolder (Join-Path $out 'help') -Force
            Save-Xml (Convert-Maml (Get-Content $made -Raw) $pages) (Join-Path $PSScriptRoot 'en-US/RedisClusterOps.dll-Help.xml')
        }
        'Package' {
            Invoke-DotNet build (Join-Path $PSScriptRoot 'src/RedisClusterOps/RedisClusterOps.csproj') --configuration Release
            $staged = Join-Path $out 'RedisClusterOps'
            Assert-Staged $staged
            $version = (Import-PowerShellDataFile (Join-Path $staged 'RedisClusterOps.psd1')).ModuleVersion
            $package = Join-Path $out "RedisClusterOps-$version.zip"
            Compress-Archive -Path $staged -DestinationPath $package -Force
            Get-Item $package
        }
    }
}
