<#
.SYNOPSIS
    Rebalances a Redis or Valkey Cluster in a maintenance window, continues the next night, and undoes a run that harms the cluster.
.DESCRIPTION
    Starts nothing on a cluster with errors or with slots that another tool left open. Resumes the run of the night before, then moves
    slots until the masters have equal shares. At the end of the window it stops with no slot open, and the next start continues.
    Afterwards it checks the cluster. A finding that -UndoOn names, that was not there before the run and that stays for
    -SettleMinutes, undoes the run. Other new findings end the job with 1, and nothing more is moved: an undo needs healthy nodes.
    After an undo it starts no new rebalance until it is called once with -AfterUndo, because the next one would end the same way.

    Writes the results of the slots, and last a summary with Outcome: Balanced, Continues, Undone, NotStarted or Failed.
    Exit codes: 0 balanced, or continues in the next window; 1 undone, not started, or failed slots; 2 an error. In Azure Automation, or
    with -Throw, 1 and 2 are exceptions.

    How to install it in Azure Automation, Windows Task Scheduler and cron: docs/runbooks.md.
.PARAMETER Cluster
    Specifies the cluster: host:port[,host:port]. rediss://host:port connects by TLS. Do not put a password here.
.PARAMETER Until
    Specifies the end of the window: a time of day such as 05:30, or a duration such as 3h or 90m.
.PARAMETER LongestWindow
    Specifies the longest window in hours. A job that starts after the time of day of -Until is refused by it. The default is 12.
.PARAMETER By
    Specifies what to balance: Slots, Keys, Memory, Cpu or Network. The default is Slots.
.PARAMETER UseEmptyMaster
    Includes masters without slots.
.PARAMETER Exclude
    Specifies masters that neither lose nor gain a slot: addresses, separated by commas.
.PARAMETER Threshold
    Specifies by how many percent a master may deviate. By default, that of Invoke-RedisRebalance.
.PARAMETER MaxSlots
    Specifies the most slots of a run. By default, all that are needed.
.PARAMETER MaxStall
    Specifies how long one MIGRATE may block, such as 2ms. By default, that of Invoke-RedisRebalance.
.PARAMETER UndoOn
    Specifies the findings that undo the run, separated by commas.
.PARAMETER SettleMinutes
    Specifies how long a new finding must last before it counts. The default is 2.
.PARAMETER AfterUndo
    Starts a new rebalance although the last one was undone.
.PARAMETER JournalPath
    Specifies the folder of the journal. It must be on a disk that outlives the job: it is what the next night continues from.
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
    pwsh -NoProfile -NonInteractive -File Invoke-NightlyRebalance.ps1 -Cluster redis-1:6379 -Until 05:30 -UseEmptyMaster

    Runs every night from cron, and fills masters that were added.
.EXAMPLE
    ./Invoke-NightlyRebalance.ps1 redis-1:6379 -Until 3h -By Memory -MaxStall 2ms

    Balances the memory in the next three hours, at a gentle pace.
#>
[CmdletBinding()]
[OutputType('RedisClusterOps.RedisSlotMoveResult')]
param(
    [Parameter(Mandatory = $true, Position = 0)] [string] $Cluster,
    [Parameter(Mandatory = $true, Position = 1)] [string] $Until,
    [ValidateRange(0.01, 24)] [double] $LongestWindow = 12,
    [ValidateSet('Slots', 'Keys', 'Memory', 'Cpu', 'Network')] [string] $By = 'Slots',
    [switch] $UseEmptyMaster,
    [string] $Exclude,
    [double] $Threshold,
    [int] $MaxSlots,
    [string] $MaxStall,
    [string] $UndoOn = 'MemoryPressure,CpuPressure,ReplicaLag,ReplicaLinkDown,ClusterStateFail',
    [ValidateRange(0, 60)] [double] $SettleMinutes = 2,
    [switch] $AfterUndo,
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

# The end of the window, UTC. It is computed once: a time of day that has passed would mean tomorrow.
function Get-WindowEnd([string] $Text, [DateTime] $Now) {
    $end = if ($Text -match '^(\d{1,2}):(\d\d)$') {
        $time = $Now.Date.AddHours([int] $Matches[1]).AddMinutes([int] $Matches[2])
        if ($time -le $Now) { $time.AddDays(1) } else { $time }
    }
    elseif ($Text -match '^(\d+)(s|m|h)$') { $Now.AddSeconds([int] $Matches[1] * @{ s = 1; m = 60; h = 3600 }[$Matches[2]]) }
    else { throw "-Until '$Text' is no time. Examples: 05:30, 3h, 90m." }
    if ($end - $Now -gt [TimeSpan]::FromHours($LongestWindow)) {
        throw "The window ends at $($end.ToString('yyyy-MM-dd HH:mm')), more than $LongestWindow hours from now. Has this job missed its time? " +
            'Nothing was changed. -LongestWindow allows more.'
    }
    $end.ToUniversalTime()
}

function Get-FindingKey($Finding) { "$($Finding.Code) $($Finding.Target)" }

# The findings that were not there before the run, and that last.
function Get-NewFinding([string[]] $Before) {
    $deadline = [DateTime]::UtcNow.AddMinutes($SettleMinutes)
    while ($true) {
        $new = @((Get-RedisClusterHealth).Findings |
                Where-Object { "$($_.Severity)" -ne 'Information' -and $Before -notcontains (Get-FindingKey $_) })
        if ($new.Count -eq 0 -or [DateTime]::UtcNow -ge $deadline) { return $new }
        Start-Sleep -Seconds 5
    }
}

function Write-Summary([string] $Outcome, [string] $Text, [object[]] $Result, [object[]] $Finding) {
    $done = @($Result | Where-Object { "$($_.Outcome)" -notin 'Skipped', 'Failed' })
    [pscustomobject] @{
        Cluster     = Get-ClusterLabel $Cluster
        Outcome     = $Outcome
        SlotsMoved  = [int] ($done | Measure-Object SlotCount -Sum).Sum
        KeysMoved   = [long] ($done | Measure-Object KeysMoved -Sum).Sum
        MigrationId = @($Result | ForEach-Object { $_.MigrationId } | Where-Object { $_ } | Select-Object -Unique) -join ','
        Findings    = @($Finding | ForEach-Object { "$($_.Severity) $(Get-FindingKey $_): $($_.Message) Next: $($_.Advice)" })
        Text        = $Text
    }
}

$code, $text, $outcome = 0, 'Every master has its share.', 'Balanced'
$results, $found = @(), @()
try {
    Import-RunbookModule
    $end = Get-WindowEnd $Until ([DateTime]::Now)
    $login = Get-RunbookCredential $LoginPath $LoginName $VaultName $UserName
    Connect-RunbookCluster $Cluster $login $CaCertificatePath
    $journal = @{}
    if ($JournalPath) { $journal.JournalPath = $JournalPath }
    $move = @{ Confirm = $false; ErrorAction = 'SilentlyContinue'; ErrorVariable = '+failures' } + $journal
    if ($MaxStall) { $move.MaxStall = $MaxStall }
    $failures = @()

    $health = Get-RedisClusterHealth
    $before = @($health.Findings | ForEach-Object { Get-FindingKey $_ })
    # Newest first. Only runs that move whole slots belong to a rebalance or its undo.
    $runs = @(Get-RedisMigration @journal | Where-Object { $_.Strategy -eq 'Whole' -and $_.Operation -in 'Rebalance', 'Undo' })
    $unfinished = $runs | Where-Object { $_.IsResumable } | Select-Object -First 1
    $foreign = @($health.OpenSlots | Where-Object { -not $unfinished -or $_.MigrationId -ne $unfinished.Id })
    $found = @($health.Findings | Where-Object { "$($_.Severity)" -eq 'Error' -and "$($_.Code)" -ne 'SlotOpen' })
    if ($found) { $outcome, $text = 'NotStarted', "The cluster has errors: $($found -join '; '). No slot was moved." }
    elseif ($foreign) {
        $slots = [RedisClusterOps.SlotRange]::TextOf([int[]] @($foreign | ForEach-Object { $_.Slot }))
        $outcome = 'NotStarted'
        $text = "The slots $slots are open, and no run of this runbook opened them. No slot was moved. Next: Repair-StuckMigration.ps1"
    }
    elseif (-not $unfinished -and -not $AfterUndo -and $runs -and $runs[0].Operation -eq 'Undo') {
        $outcome = 'NotStarted'
        $text = "The last rebalance was undone by the run $($runs[0].Id). No slot was moved. Find the cause, then start once with -AfterUndo."
    }

    if ($outcome -ne 'NotStarted') {
        if ($unfinished) {
            $results = @(Resume-RedisMigration -Id $unfinished.Id -Until $end @move)
        }
        # A resume that ends early leaves time for what the plan did not know.
        $isUndo = $unfinished -and $unfinished.Operation -eq 'Undo'
        if (-not $isUndo -and -not $failures -and [DateTime]::UtcNow.AddSeconds(5) -lt $end) {
            $plan = @{ By = $By; UseEmptyMaster = $UseEmptyMaster }
            if ($Exclude) { $plan.Exclude = $Exclude -split '\s*,\s*' }
            if ($PSBoundParameters.ContainsKey('Threshold')) { $plan.Threshold = $Threshold }
            if ($MaxSlots -gt 0) { $plan.MaxSlots = $MaxSlots }
            $results += @(Invoke-RedisRebalance @plan -Until $end @move)
        }
        $results
        $ids = @($results | ForEach-Object { $_.MigrationId } | Where-Object { $_ } | Select-Object -Unique)
        $left = @($ids | ForEach-Object { Get-RedisMigration -Id $_ @journal } | Where-Object { $_.IsResumable })
        if ($left) { $outcome, $text = 'Continues', "The window is over. The next start continues the run $($left[0].Id)." }
        elseif ($isUndo) { $outcome, $text = 'Undone', "The undo $($unfinished.Id) is complete." }

        $found = @(Get-NewFinding $before)
        $harm = @($found | Where-Object { ($UndoOn -split '\s*,\s*') -contains "$($_.Code)" })
        # An undo moves slots, too. It needs every node, and no slot in doubt.
        $isUnsafe = @($found | Where-Object { "$($_.Code)" -match '^(Node|Slot|Authentication|TooManyClients|Address|Id)' }).Count -gt 0
        if ($harm -and -not $isUnsafe -and -not $isUndo -and $ids) {
            $limit = [DateTime]::UtcNow.AddHours(1)
            if ($end -gt $limit) { $limit = $end }
            foreach ($id in $ids) { $results += @(Undo-RedisSlotMigration -MigrationId $id -Until $limit @move) }
            $results | Where-Object { $_.Operation -eq 'Undo' }
            $outcome, $text = 'Undone', "The run $($ids -join ', ') is undone, because of: $($harm -join '; ')."
        }
        elseif ($found) { $outcome, $text = 'Failed', "The cluster has new findings, and the run is kept: $($found -join '; ')." }
        $refused = @($failures | Where-Object { $_ -is [Management.Automation.ErrorRecord] } | ForEach-Object { Get-ErrorText $_ })
        if ($refused) { $outcome, $text = 'Failed', (@($text) + $refused -join ' ') }
    }

    if ($outcome -notin 'Balanced', 'Continues') { $code = 1 }
    Write-Summary $outcome $text $results $found
}
catch {
    $code, $text = 2, (Get-ErrorText $_)
}

if ($code -ne 0) {
    if (Test-EndByThrow -Throw:$Throw) { throw $text }
    Write-Error $text -ErrorAction Continue
}
exit $code
