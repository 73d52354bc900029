<#
.SYNOPSIS
    Runs the commands of the pages against a lab cluster, and writes what they show into the pages.
.DESCRIPTION
    Needs a built module in out/RedisClusterOps and a built lab program. Output that differs only in ids, times and measured numbers stays as
    it is. Prints each command whose output was replaced.
.EXAMPLE
    ./tests/Pester/update-pages.ps1 -Path docs/runbook-rebalance.md
#>
[CmdletBinding()]
param(
    # Pages, from the repository's folder. By default, all pages that are run.
    [string[]] $Path,

    # Only prints what differs.
    [switch] $Check
)

$ErrorActionPreference = 'Stop'
. (Join-Path $PSScriptRoot 'LabCluster.ps1')
$script:ModulePath = Join-Path $Repository 'out/RedisClusterOps'
. (Join-Path $PSScriptRoot 'RecordedHost.ps1')
. (Join-Path $PSScriptRoot 'Pages.ps1')
if (-not $Path) { $Path = $PagePaths + @(Get-HelpPage) }
foreach ($group in Invoke-PageSet $Path | Group-Object Page) {
    Format-Difference $group.Group
    if (-not $Check) { Write-Page (Join-Path $Repository $group.Name) $group.Group }
}
