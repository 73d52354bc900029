# Runs the commands of a page in one PowerShell session against a lab cluster, and compares or replaces what the page shows. Dot-source it
# after LabCluster.ps1 and RecordedHost.ps1.
#
# A page of docs shows a transcript: a fence whose lines begin with 'PS> ' or '>> ' and are followed by the output. A help page has a
# powershell fence, and an output fence if the output matters. A comment '<!-- lab: ... -->' is run first and is not shown.

# The addresses that the pages show for the nodes of the lab, in its order.
$script:PageNodes = '127.0.0.1:17001', '127.0.0.1:17002', '127.0.0.1:17003', '127.0.0.1:17007'

# English, because in the culture of no language PowerShell breaks lines within words; times and numbers as everywhere else.
$script:PageCulture = [cultureinfo]::new('en-US')
$PageCulture.DateTimeFormat = [cultureinfo]::InvariantCulture.DateTimeFormat
$PageCulture.NumberFormat = [cultureinfo]::InvariantCulture.NumberFormat

# The pages that are run, each on a cluster in its first state. Pages of help find 500 keys on it.
$script:PagePaths = 'README.md', 'docs/runbook-stuck-slot.md', 'docs/runbook-rebalance.md', 'docs/decision-guide.md', 'docs/automation.md'

# Commands of pages that are not run, and why.
$script:NotRun = [ordered]@{
    '^dotnet ' = 'a shell command: tests/run builds, and the tests of the lab run its commands'
    '\bhost:port\b|redis-[1ab]\b|a-1:6379|/opt/redis|/etc/redis|localhost:17000' = 'an address or a file of the reader'
    'Get-Automation' = 'Azure Automation only'
    'Add-RedisClusterNode|Remove-RedisClusterNode (2420|[0-9a-f]{8})|Set-RedisClusterReplica|RedisClusterFailover' =
        'needs replicas or empty servers: Members.Tests.ps1 runs these cmdlets'
    'New-RedisCluster ' = 'needs empty servers: Members.Tests.ps1'
    'Start-Sleep (300|600)|-Count 60|-Duration 1m|Measure-RedisClusterClient' = 'takes too long: Client.Tests.ps1 and Watching.Tests.ps1'
    'Restore-RedisKey' = 'needs the file of an earlier conflict: SlotMigration.Tests.ps1'
    'Get-RedisSlotLoad' = 'needs Redis 8.2 or Valkey 8.0: Cluster.Tests'
    'Invoke-Item' = 'opens a browser'
    '-By Memory' = 'the plan depends on the memory of the moment'
    'pager\.example|/var/lib' = 'a service or a file of the reader'
    'Stopped with Ctrl\+C' = 'a stop: Operations.Tests.ps1'
    "'127\.0\.0\.1:17001' = 0 } -WhatIf" = 'needs Valkey 9: Cluster.Tests'
}

# What the examples of help need: before the page, or before one example.
$script:Conflict = 'Invoke-Wedge 5519 -Key 5 -Moved 2; $key = "$(redis-cli -p $Port[3] CLUSTER GETKEYSINSLOT 5519 1)";' +
    ' $null = redis-cli -p $Port[1] CLUSTER SETSLOT 5519 STABLE; $null = redis-cli -p $Port[1] SET $key later'
$script:HelpSetup = @{
    'Complete-RedisSlotMigration/1' = 'Invoke-Wedge 5519 -Key 150 -Moved 50'
    'Get-RedisClusterAlert/1' = 'Invoke-Wedge 5519 -Key 150 -Moved 50'
    'Get-RedisClusterAlert/2' = 'Invoke-Recorded "Get-RedisClusterAlert -StatePath ./redis-watch.json"; $file = "$PageFolder/redis-watch.json";' +
        ' $now = [DateTime]::UtcNow; (Get-Content $file -Raw).Replace($now.ToString("yyyy-MM-dd"), $now.AddDays(-1).ToString("yyyy-MM-dd")) |' +
        ' Set-Content $file'
    'Get-RedisClusterHealth/1' = 'Invoke-Wedge 5519 -Key 150 -Moved 50'
    'Get-RedisClusterInfo/1' = 'Invoke-Wedge 5519 -Key 150 -Moved 50'
    'Get-RedisKeyConflict/1' = $Conflict
    'Get-RedisMigration/1' = 'Invoke-Wedge 866 -Key 50 -Moved 10; Invoke-Wedge 5600 -Key 20 -Moved 5;' +
        ' Invoke-Recorded "Complete-RedisSlotMigration 866; Undo-RedisSlotMigration 5600; Move-RedisSlot 900-901 -Target 17003"'
    'Get-RedisOpenSlot/1' = 'Invoke-Wedge 5519 -Key 150 -Moved 50'
    'Get-RedisSlotKey/1' = 'Invoke-Wedge 5519 -Key 150 -Moved 50'
    'Invoke-RedisRebalance/5' = 'Initialize-Lab'
    'Measure-RedisClusterTraffic/1' = 'Invoke-Wedge 5519 -Key 150 -Moved 50'
    'Move-RedisSlotKey/1' = 'Invoke-Wedge 5519 -Key 150 -Moved 50'
    'Repair-RedisCluster/1' = '$Port | ForEach-Object { $null = redis-cli -p $_ CONFIG SET cluster-require-full-coverage no };' +
        ' Invoke-Wedge 5519 -Key 150 -Moved 50; $Port | ForEach-Object { $null = redis-cli -p $_ CLUSTER DELSLOTS 100 }'
    'Repair-RedisCluster/3' = 'Invoke-Wedge 5700 -Key 6 -Moved 2; $Port | ForEach-Object { $null = redis-cli -p $_ CLUSTER SETSLOT 5700 STABLE };' +
        ' $Port | ForEach-Object { $null = redis-cli -p $_ CLUSTER DELSLOTS 5700 }'
    'Restart-RedisSlotMigration/1' = 'Invoke-Wedge 866 -Key 50 -Moved 0; $null = redis-cli -p $Port[3] CLUSTER SETSLOT 866 STABLE'
    'Restart-RedisSlotMigration/3' = 'Invoke-Wedge 5600 -Key 20 -Moved 5'
    'Resume-RedisMigration/1' = 'Invoke-Recorded "Move-RedisSlot 0-2000 -Target 17007 -Until 1ms"'
    'Undo-RedisSlotMigration/1' = 'Invoke-Wedge 5519 -Key 150 -Moved 50'
    'Undo-RedisSlotMigration/3' = 'Invoke-Wedge 5520 -Key 150 -Moved 50'
    'Undo-RedisSlotMigration/4' = 'Invoke-Recorded "Undo-RedisSlotMigration 5520; Invoke-RedisRebalance -UseEmptyMaster -Confirm:`$false"'
}

# Output in which numbers depend on the moment: they are not compared, nor is how many lines differ only in them.
$script:Measured = 'Measure-|-By Keys|Get-RedisClusterNode|Get-RedisClusterInfo|Get-RedisSlotLoad|CpuPercent|UsedMemory|Get-RedisClusterAlert'

# Output whose lines depend on which pair of masters is faster, or which node is listed first. The numbers of steps are not compared.
$script:Unordered = '-WhatIf|^\$(plan|results)$|New-RedisRebalancePlan|Invoke-RedisRebalance|-MigrationId|Undo-RedisSlotMigration$|Resume-RedisMigration|Move-RedisSlot\b'

# Returns the steps of a page in order: Setup (Text) or Command (Text, Output, and the lines of both in the file).
function Get-PageStep([string[]] $Line) {
    $fence = $null
    for ($i = 0; $i -lt $Line.Count; $i++) {
        $text = $Line[$i]
        if ($null -eq $fence) {
            if ($text -match '^<!-- lab: (.*) -->$') { [pscustomobject]@{ Kind = 'Setup'; Text = $Matches[1]; Line = $i + 1 } }
            elseif ($text -match '^```(\w*)') { $fence = $Matches[1]; $start = $i }
        }
        elseif ($text -match '^```$') {
            $body = @(if ($i -gt $start + 1) { $Line[($start + 1)..($i - 1)] })
            if ($body -and $body[0].StartsWith('PS> ')) { Split-Transcript $body ($start + 2) }
            elseif ($fence -eq 'powershell') {
                # Only an output fence that follows directly belongs to it.
                $next = $i + 1
                while ($next -lt $Line.Count -and -not $Line[$next]) { $next++ }
                $step = [pscustomobject]@{ Kind = 'Command'; Text = $body -join "`n"; Output = $null; Line = $start + 2; First = 0; Last = -1 }
                if ($next -lt $Line.Count -and $Line[$next] -eq '```output') {
                    $end = $next + 1
                    while ($Line[$end] -ne '```') { $end++ }
                    $step.Output = @(if ($end -gt $next + 1) { $Line[($next + 1)..($end - 1)] })
                    $step.First = $next + 1
                    $step.Last = $end - 1
                }
                $step
            }
            $fence = $null
        }
    }
}

function Split-Transcript([string[]] $Body, [int] $Number) {
    $step = $null
    for ($i = 0; $i -le $Body.Count; $i++) {
        $isNew = $i -eq $Body.Count -or $Body[$i].StartsWith('PS> ')
        if ($isNew -and $step) {
            $step.Output = @(if ($step.First -le $step.Last) { $Body[($step.First - $Number + 1)..($step.Last - $Number + 1)] })
            $step
        }
        if ($i -eq $Body.Count) { return }
        if ($isNew) {
            $at = $Number + $i
            $step = [pscustomobject]@{ Kind = 'Command'; Text = $Body[$i].Substring(4); Output = $null; Line = $at; First = $at; Last = $at - 1 }
        }
        elseif ($step.Last -lt $step.First -and $Body[$i].StartsWith('>> ')) {
            $step.Text += "`n" + $Body[$i].Substring(3)
            $step.First++
            $step.Last++
        }
        else { $step.Last++ }
    }
}

# Runs one command as a console would, and returns what the console shows, with the page's addresses. Errors are part of it.
function Invoke-PageCommand($Recorded, [string] $Text, [Collections.IDictionary] $Map) {
    $null = $Recorded.Screen.Transcript.Clear()
    $Text = Convert-Port $Text @($Map.Keys) @($Map.Values)
    $Text = $Text.Replace('./out/', "$Repository/out/")
    $shell = $Recorded.Shell
    $shell.Commands.Clear()
    $null = $shell.AddScript($Text)
    $shell.Commands.Commands[0].MergeMyResults('Error', 'Output')
    $null = $shell.AddCommand('Out-Default')
    [cultureinfo]::CurrentCulture = $PageCulture
    try { $null = $shell.Invoke() }
    catch {
        # A terminating error ends the pipeline before it is formatted.
        $shell.Commands.Clear()
        $null = $shell.AddScript('$args[0] | Out-Default').AddArgument($_.Exception.InnerException.ErrorRecord)
        $null = $shell.Invoke()
    }
    $shown = "$($Recorded.Screen.Transcript)" -replace "$([char] 27)\[[\d;]*m"
    $shown = Convert-Port $shown @($Map.Values) @($Map.Keys)
    $shown = $shown.Replace($PageFolder, '/home/you')
    $lines = @($shown -split '\r?\n' | ForEach-Object TrimEnd)
    $first = 0
    $last = $lines.Count - 1
    while ($first -le $last -and -not $lines[$first]) { $first++ }
    while ($last -ge $first -and -not $lines[$last]) { $last-- }
    @(if ($first -le $last) { $lines[$first..$last] })
}

# Replaces ports in one pass, because a port of the lab may be one that the pages show.
function Convert-Port([string] $Text, [string[]] $From, [string[]] $To) {
    $ports = @{}
    for ($i = 0; $i -lt $From.Count; $i++) { $ports[$From[$i].Split(':')[1]] = $To[$i].Split(':')[1] }
    [regex]::Replace($Text, '(?<!\d)(' + ($ports.Keys -join '|') + ')(?!\d)', { $ports[$args[0].Value] })
}

# What two runs of one command have in common: no white space, and no ids, times and lengths of lines.
function ConvertTo-Comparable([string[]] $Output, [string] $Text) {
    $lines = $Output | ForEach-Object {
        $one = $_ -creplace '\b([0-9a-f]{40}|[0-9a-f]{16})\b', 'ID' -creplace '\b\d{8}T\d{6}Z-[0-9a-f]{6}\b', 'RUN'
        $one = $one -replace '\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ?', 'TIME' -replace '\d\d/\d\d/\d{4} \d\d:\d\d:\d\d', 'TIME'
        $one = $one -replace '\d+:\d\d:\d\d(\.\d+)?', 'TIME' -replace '-{2,}', '-' -replace 'bytes: \d+|\d{1,3}(,\d{3})+', 'N' -replace '\s', ''
        if ($Text -match $Measured) { $one = $one -replace '[\d,]*\d(\.\d+)?', 'N' }
        $one
    } | Where-Object { $_ }
    if ($Text -match $Measured) { $lines = $lines | Sort-Object -Unique }
    if ($Text -match $Unordered) { $lines = $lines -replace '^\d+\.(?=127)' | Sort-Object }
    # A path may be wrapped, so it is found only now.
    ($lines -join '') -replace '\d{8}T\d{9}Z-slot(\d+)-\d+-\d+', 'SAVED$1'
}

# Runs every step of a page. Returns each command with what it shows now (Now) and whether that is what the page shows (IsSame).
function Invoke-Page([string] $Path, [string[]] $Node) {
    $name = [IO.Path]::GetFileNameWithoutExtension($Path)
    $isHelp = $Path -match 'en-US'
    $script:Node = $Node
    $script:Port = @($Node | ForEach-Object { $_.Split(':')[1] })
    $script:PageMap = [ordered]@{}
    for ($i = 0; $i -lt $PageNodes.Count; $i++) { $PageMap[$PageNodes[$i]] = $Node[$i] }
    $script:PageFolder = Join-Path ([IO.Path]::GetTempPath()) "redisclusterops-pages-$PID"
    $null = New-Item -ItemType Directory $PageFolder -Force
    $before = $env:REDISCLUSTEROPS_JOURNAL, $env:PSModulePath
    $env:REDISCLUSTEROPS_JOURNAL = Join-Path $PageFolder 'redis-runs'
    $env:PSModulePath = (Join-Path $Repository 'out') + [IO.Path]::PathSeparator + $env:PSModulePath
    $script:PageShell = Open-RecordedShell -Answer (@(1) * 50) -Column 120
    try {
        Invoke-Recorded "`$PSStyle.OutputRendering = 'PlainText'; Set-Location '$PageFolder'; `$null = Connect-RedisCluster $($Node[0])"
        Initialize-Lab
        if ($isHelp) { $null = 0..499 | ForEach-Object { "SET key:$_ $_" } | redis-cli -c -p $Port[0] }
        $number = 0
        foreach ($step in Get-PageStep (Get-Content $Path -Encoding UTF8)) {
            if ($step.Kind -eq 'Setup') { $null = . ([scriptblock]::Create($step.Text)); continue }
            $number++
            $setup = $HelpSetup["$name/$number"]
            if ($setup) { $null = . ([scriptblock]::Create($setup)) }
            if ($NotRun.Keys | Where-Object { $step.Text -match $_ }) { continue }
            $now = @(Invoke-PageCommand $PageShell $step.Text $PageMap)
            # A command whose output the page does not show must at least run.
            $same = if ($null -eq $step.Output) { -not ($now -match '^(?!WARNING)[\w-]+: ') }
                else { (ConvertTo-Comparable $now $step.Text) -ceq (ConvertTo-Comparable $step.Output $step.Text) }
            $step | Add-Member Now $now -PassThru | Add-Member IsSame $same -PassThru | Add-Member Number $number -PassThru
        }
    }
    finally {
        Close-RecordedShell $PageShell
        $env:REDISCLUSTEROPS_JOURNAL, $env:PSModulePath = $before
        Remove-Item $PageFolder -Recurse -Force
    }
}

# Runs a line that the page does not show, in the page's session.
function Invoke-Recorded([string] $Text) { $null = Invoke-PageCommand $PageShell $Text $PageMap }

# Brings the cluster back to its first state: the slots of a new lab, no keys, no changed settings.
function Initialize-Lab {
    $owned = '0-5460', '5461-10921', '10922-16383', ''
    $settings = 'FLUSHALL', 'CONFIG SET maxmemory 0', 'CONFIG SET cluster-allow-replica-migration no', 'CONFIG SET cluster-require-full-coverage yes'
    $changed = 0..3 | Where-Object {
        $null = $settings | redis-cli -p $Port[$_]
        $own = @((redis-cli -p $Port[$_] CLUSTER NODES) -match 'myself')[0] -split ' ' | Select-Object -Skip 8
        "$own" -ne $owned[$_]
    }
    if ($changed) {
        $moves = 0..2 | ForEach-Object { "Move-RedisSlot $($owned[$_]) -Target $($Node[$_]) -Confirm:`$false" }
        Invoke-Recorded (@('Repair-RedisCluster -Confirm:$false') + $moves -join '; ')
    }
    Remove-Item (Join-Path $PageFolder '*') -Recurse -Force
}

# Writes what the commands show now into the page.
function Write-Page([string] $Path, [object[]] $Step) {
    $lines = [Collections.Generic.List[string]] @(Get-Content $Path -Encoding UTF8)
    foreach ($one in $Step | Where-Object { $null -ne $_.Output -and -not $_.IsSame } | Sort-Object First -Descending) {
        if ($one.Last -ge $one.First) { $lines.RemoveRange($one.First, $one.Last - $one.First + 1) }
        $blank = @(if ($one.Now -and $lines[$one.First] -ne '```') { '' })
        $lines.InsertRange($one.First, [string[]] @($one.Now + $blank))
    }
    [IO.File]::WriteAllText($Path, ($lines -join "`n") + "`n")
}

# Runs pages against one cluster with four masters, of which the last has no slots. Returns the steps of Invoke-Page with their Page.
function Invoke-PageSet([string[]] $Path) {
    $nodes = @(Enter-Lab)
    try { foreach ($one in $Path) { Invoke-Page (Join-Path $Repository $one) $nodes | Add-Member Page $one -PassThru } }
    finally { Exit-Lab }
}

# What a page shows and what its commands show now, for each command that differs.
function Format-Difference([object[]] $Step) {
    foreach ($one in $Step | Where-Object { -not $_.IsSame }) {
        "$($one.Page):$($one.Line): $($one.Text)", 'The page shows:' + ($one.Output | ForEach-Object { "    $_" }), 'Now:' +
            ($one.Now | ForEach-Object { "    $_" })
    }
}

# The help pages of the cmdlets, from the repository's folder.
function Get-HelpPage { Get-ChildItem (Join-Path $Repository 'docs/en-US/*.md') | ForEach-Object { "docs/en-US/$($_.Name)" } }
