<#
.SYNOPSIS
    Repairs the open slots of a Redis or Valkey Cluster after approval: plans, saves the plan, waits for approval, runs, reports.
.DESCRIPTION
    Without approval, it changes nothing: it saves a plan with the slots and the exact commands, shows them and ends with 3.
    A plan is approved by its id: in a file beside the plan, or with -ApprovedPlan. The next start carries it out.
    An approval holds as long as every open slot still has the source and the target of the plan. A slot that is not in the plan,
    or that has changed, is left alone and gets a new plan. After an interruption, start the same command again: the approval still holds.

    Slots that need a person's decision fail with the choices, and the others are repaired. Masters that do not answer keep their slots.

    Exit codes: 0 no slot is open any more; 1 slots failed or are still open; 2 an error, with nothing changed or the reason; 3 a plan
    waits for approval. In Azure Automation, or with -Throw, 1, 2 and 3 are exceptions.

    How to install it in Azure Automation, Windows Task Scheduler and cron: docs/runbooks.md.
.PARAMETER Cluster
    Specifies the cluster: host:port[,host:port]. rediss://host:port connects by TLS. Do not put a password here.
.PARAMETER Operation
    Specifies what to do with open slots: Repair takes the one safe way of each state, Complete goes forward, Undo goes back.
.PARAMETER PlanPath
    Specifies the file of the plan. The approval is the file of the same name with .approved. By default, in the user's data folder.
.PARAMETER ApprovedPlan
    Specifies the id of the saved plan to carry out.
.PARAMETER NoApproval
    Repairs at once, without an approval.
.PARAMETER WatchStatePath
    Specifies the state file of Watch-StuckMigration.ps1. Only slots that are stuck are repaired then, and not every open one.
.PARAMETER StuckAfter
    Specifies how long a slot may make no progress, such as 30m. Only with -WatchStatePath. The default is 30m.
.PARAMETER ReportPath
    Specifies a JSON file for the report of a run: the plan, the results and the findings afterwards.
.PARAMETER JournalPath
    Specifies the folder of the journal. It must be on a disk that outlives the job, or the run can't be undone.
.PARAMETER LoginPath
    Specifies a file with the login, created by the job's user: Get-Credential | Export-Clixml <file>.
.PARAMETER LoginName
    Specifies the credential of Azure Automation, or with -VaultName the secret, that holds the login.
.PARAMETER VaultName
    Specifies the Azure Key Vault. The job logs in with its managed identity.
.PARAMETER UserName
    Specifies the ACL user of a secret in a vault. The default is 'default'.
.PARAMETER CaCertificatePath
    Specifies a file with the certificate authorities of the servers. Implies TLS.
.PARAMETER Throw
    Ends with an exception instead of an exit code.
.EXAMPLE
    ./Repair-StuckMigration.ps1 redis-1:6379 -PlanPath ./plan.json

    Saves and shows a plan.
.EXAMPLE
    ./Repair-StuckMigration.ps1 redis-1:6379 -PlanPath ./plan.json -ApprovedPlan 3f2a91c07b44

    Carries out the plan with this id.
.EXAMPLE
    '3f2a91c07b44' | Set-Content ./plan.json.approved

    Approves the plan by a file. The next scheduled start carries it out.
.EXAMPLE
    ./Repair-StuckMigration.ps1 redis-1:6379 -NoApproval -WatchStatePath ./watch.json -ReportPath ./report.json

    Repairs the slots that Watch-StuckMigration.ps1 has observed as stuck, at once.
#>
[CmdletBinding(DefaultParameterSetName = 'File')]
[OutputType('RedisClusterOps.RedisSlotMoveResult')]
param(
    [Parameter(Mandatory = $true, Position = 0)] [string] $Cluster,
    [ValidateSet('Repair', 'Complete', 'Undo')] [string] $Operation = 'Repair',
    [string] $PlanPath,
    [Parameter(ParameterSetName = 'Id', Mandatory = $true)] [string] $ApprovedPlan,
    [Parameter(ParameterSetName = 'None', Mandatory = $true)] [switch] $NoApproval,
    [string] $WatchStatePath,
    [string] $StuckAfter = '30m',
    [string] $ReportPath,
    [string] $JournalPath,
    [string] $LoginPath,
    [string] $LoginName,
    [string] $VaultName,
    [string] $UserName = 'default',
    [string] $CaCertificatePath,
    [switch] $Throw
)

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
# A copy of this script finds the functions in the folder of the installed module.
$shared = Join-Path $PSScriptRoot 'Runbook.ps1'
if (-not (Test-Path $shared)) {
    $installed = Get-Module RedisClusterOps -ListAvailable | Select-Object -First 1
    $shared = [IO.Path]::Combine($installed.ModuleBase, 'runbooks', 'Runbook.ps1')
}
. $shared

# The open slots to repair: all, or those that the watcher's observations show as stuck.
function Get-Candidate([string] $WatchState, [string] $Limit, [hashtable] $Journal) {
    $open = @(Get-RedisOpenSlot)
    if (-not $WatchState) { return $open }
    $alerts = @(Get-RedisClusterAlert -StuckAfter $Limit -StatePath $WatchState @Journal)
    $stuck = @($alerts | Where-Object { "$($_.Code)" -eq 'SlotStuck' } | ForEach-Object { [RedisClusterOps.SlotRange]::ParseSlots($_.Target) })
    $open | Where-Object { $stuck -contains $_.Slot }
}

# Runs the operation on slots. -WhatIf shows its commands.
function Invoke-Operation([string] $Operation, [string] $Slots, [hashtable] $Options) {
    $ErrorActionPreference = 'Continue'
    switch ($Operation) {
        'Repair' { Repair-RedisCluster -Slot $Slots @Options }
        'Complete' { Complete-RedisSlotMigration -Slot $Slots @Options }
        'Undo' { Undo-RedisSlotMigration -Slot $Slots @Options }
    }
}

# The commands of the plan as -WhatIf shows them. That text goes to the screen only, and a transcript keeps it.
function Get-PlannedCommand([string] $Operation, [string] $Slots, [hashtable] $Journal) {
    $file = [IO.Path]::GetTempFileName()
    try {
        try { $null = Start-Transcript -Path $file -Force }
        catch { return 'This host can show no transcript. Run the cmdlet with -WhatIf to see the commands.' }
        $refused = @()
        try { $refused = @(Invoke-Operation $Operation $Slots (@{ WhatIf = $true } + $Journal) 2>&1) }
        finally { $null = Stop-Transcript }
        Get-Content $file | Where-Object { $_ -match '^(What if: |\s+\d+\. |  slot |  \S+ the same for )' }
        $refused | Where-Object { $_ -is [Management.Automation.ErrorRecord] } | ForEach-Object { Get-ErrorText $_ }
    }
    finally { Remove-Item $file -Force }
}

function Get-SlotText([object[]] $OpenSlot) { [RedisClusterOps.SlotRange]::TextOf([int[]] @($OpenSlot | ForEach-Object { $_.Slot })) }

# The id covers what is approved: the operation, the slots, and the ends of each.
function Get-PlanId([string] $Operation, [object[]] $Group) {
    $text = $Operation + ($Group | ForEach-Object { "|$($_.Slots) $($_.SourceId) $($_.TargetId)" })
    $hash = [Security.Cryptography.SHA256]::Create()
    try { $bytes = $hash.ComputeHash([Text.Encoding]::UTF8.GetBytes($text)) } finally { $hash.Dispose() }
    -join ($bytes[0..5] | ForEach-Object { $_.ToString('x2') })
}

function Get-Plan([string] $Operation, [object[]] $OpenSlot, [hashtable] $Journal) {
    $groups = @($OpenSlot | Group-Object { "$($_.State) $($_.SourceId) $($_.TargetId) $($_.MigrationId)" } | ForEach-Object {
            $first = $_.Group[0]
            [pscustomobject] @{
                Slots = Get-SlotText $_.Group
                State = "$($first.State)"
                Source = $first.Source; SourceId = $first.SourceId
                Target = $first.Target; TargetId = $first.TargetId
                KeysOnSource = [long] ($_.Group | Measure-Object KeysOnSource -Sum).Sum
                KeysOnTarget = [long] ($_.Group | Measure-Object KeysOnTarget -Sum).Sum
                MigrationId = $first.MigrationId
                ClientsSee = $first.ClientsSee
            }
        } | Sort-Object Slots)
    [pscustomobject] @{
        Id = Get-PlanId $Operation $groups
        CreatedAt = [DateTime]::UtcNow.ToString('o')
        Cluster = Get-ClusterLabel $Cluster
        Operation = $Operation
        Groups = $groups
        Commands = @(Get-PlannedCommand $Operation (Get-SlotText $OpenSlot) $Journal)
    }
}

# The open slots that a plan covers: with the same source and target as when it was approved.
function Select-Covered($Plan, [object[]] $OpenSlot) {
    $ends = @{}
    foreach ($group in $Plan.Groups) {
        foreach ($slot in [RedisClusterOps.SlotRange]::ParseSlots($group.Slots)) { $ends[$slot] = "$($group.SourceId) $($group.TargetId)" }
    }
    $OpenSlot | Where-Object { $ends[$_.Slot] -eq "$($_.SourceId) $($_.TargetId)" }
}

function Test-Approved($Plan, [string] $Operation, [string] $Id, [string] $File) {
    if (-not $Plan -or $Plan.Operation -ne $Operation) { return $false }
    if ($Id) { return $Id -eq $Plan.Id }
    (Test-Path -LiteralPath $File) -and "$(Get-Content -LiteralPath $File -TotalCount 1)".Trim() -eq $Plan.Id
}

function Write-Report([string] $Path, $Plan, [object[]] $Result, $Health, [DateTime] $Started) {
    if (-not $Path) { return }
    Write-RunbookFile (Get-FullPath $Path) ([ordered] @{
        Plan     = $Plan
        Started  = $Started.ToString('o')
        Ended    = [DateTime]::UtcNow.ToString('o')
        Results  = @($Result | ForEach-Object {
                [ordered] @{
                    Slots = "$(if ($_.PSObject.Properties['SlotRanges']) { $_.SlotRanges } else { $_.Slot })"; Source = $_.Source
                    Target = $_.Target; Outcome = "$($_.Outcome)"; KeysMoved = $_.KeysMoved; Reason = $_.Reason; MigrationId = $_.MigrationId
                }
            })
        Healthy  = $Health.Healthy
        Findings = @($Health.Findings | ForEach-Object { "$($_.Severity) $($_.Code) $($_.Target): $($_.Message) Next: $($_.Advice)" })
    })
}

$code, $text = 0, ''
try {
    Import-RunbookModule
    if (-not $PlanPath) { $PlanPath = Get-RunbookFile 'repair' $Cluster }
    $PlanPath = Get-FullPath $PlanPath
    $login = Get-RunbookCredential $LoginPath $LoginName $VaultName $UserName
    Connect-RunbookCluster $Cluster $login $CaCertificatePath
    $journal = @{}
    if ($JournalPath) { $journal.JournalPath = $JournalPath }

    $saved = Read-RunbookFile $PlanPath
    $open = @(Get-Candidate $WatchStatePath $StuckAfter $journal)
    if ($ApprovedPlan -and $open.Count -gt 0 -and (-not $saved -or $saved.Id -ne $ApprovedPlan)) {
        throw "The saved plan '$PlanPath' does not have the id $ApprovedPlan. Nothing was changed. Start without -ApprovedPlan to make a plan."
    }

    $todo = @()
    if ($NoApproval) { $todo, $saved = $open, $(if ($open) { Get-Plan $Operation $open $journal }) }
    elseif (Test-Approved $saved $Operation $ApprovedPlan "$PlanPath.approved") { $todo = @(Select-Covered $saved $open) }
    if ($todo.Count -gt 0) {
        $started = [DateTime]::UtcNow
        $output = @(Invoke-Operation $Operation (Get-SlotText $todo) (@{ Confirm = $false } + $journal) 2>&1)
        $failures, $results = @(), @()
        foreach ($one in $output) { if ($one -is [Management.Automation.ErrorRecord]) { $failures += Get-ErrorText $one } else { $results += $one } }
        $results
        Write-Report $ReportPath $saved $results (Get-RedisClusterHealth) $started
        if ($failures) { $code, $text = 1, ($failures -join ' ') }
        # An interrupted run keeps its approval, and continues with the next start. A run that has ended does not.
        Remove-Item -LiteralPath "$PlanPath.approved" -Force -ErrorAction SilentlyContinue
        $open = @(Get-Candidate $WatchStatePath $StuckAfter $journal)
    }

    if ($open.Count -eq 0) {
        # What was planned is done, by this start or by another tool.
        Remove-Item -LiteralPath $PlanPath, "$PlanPath.approved" -Force -ErrorAction SilentlyContinue
        if ($code -eq 0) { Write-Verbose 'No slot is open.' }
    }
    elseif ($NoApproval) {
        $code, $text = 1, ("The slots $(Get-SlotText $open) are still open. $text").Trim()
    }
    else {
        $plan = Get-Plan $Operation $open $journal
        Write-RunbookFile $PlanPath $plan
        # The file has the groups of slots and the commands.
        [pscustomobject] @{ PlanId = $plan.Id; Operation = $Operation; Slots = Get-SlotText $open; PlanPath = $PlanPath }
        $next = "The plan $($plan.Id) for the slots $(Get-SlotText $open) waits for approval. To approve it, write its id to " +
            "'$PlanPath.approved', or start with -ApprovedPlan $($plan.Id)."
        if ($code -eq 0) { $code = 3 }
        $text = "$text $next".Trim()
    }
}
catch {
    $code, $text = 2, (Get-ErrorText $_)
}

if ($code -ne 0) {
    if (Test-EndByThrow -Throw:$Throw) { throw $text }
    Write-Error $text -ErrorAction Continue
}
exit $code
