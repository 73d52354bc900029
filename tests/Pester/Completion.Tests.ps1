BeforeAll {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    Import-Module (Join-Path $Repository 'out/RedisClusterOps')
    $script:Journal = $env:REDISCLUSTEROPS_JOURNAL
    $env:REDISCLUSTEROPS_JOURNAL = Join-Path ([IO.Path]::GetTempPath()) "redisclusterops-pester-completion-$PID"
    $script:Nodes = Enter-Lab
    $null = Connect-RedisCluster $Nodes[0]
    Invoke-Wedge -Slot 5519

    # The completions that Tab offers at the end of a line.
    function Get-Completion([string] $Line) {
        (TabExpansion2 -inputScript $Line -cursorColumn $Line.Length).CompletionMatches
    }

    # On a busy machine a query may exceed the time limit of completion; a user presses Tab again.
    function Find-Completion([string] $Line) {
        foreach ($attempt in 1..10) {
            if ($found = @(Get-Completion $Line | Where-Object CompletionText -Match '[0-9a-f]')) { break }
        }
        $found
    }
}

AfterAll {
    Disconnect-RedisCluster
    Exit-Lab
    Remove-Item $env:REDISCLUSTEROPS_JOURNAL -Recurse -Force -ErrorAction SilentlyContinue
    $env:REDISCLUSTEROPS_JOURNAL = $Journal
}

Describe 'Completion of a slot' {
    It 'offers only open slots to a cmdlet that needs one: <_>' -ForEach @(
        'Complete-RedisSlotMigration ', 'Complete-RedisSlotMigration -Slot ', 'Undo-RedisSlotMigration 5', 'Restart-RedisSlotMigration 55'
        'Move-RedisSlotKey ', 'Repair-RedisCluster -Slot ', 'Get-RedisOpenSlot '
    ) {
        $first = @(Find-Completion $_)[0]
        $first.CompletionText | Should -Be '5519'
        $first.ToolTip | Should -Match '^Migrating, 127\.0\.0\.1:\d+ \(20 keys\) -> 127\.0\.0\.1:\d+ \(10 keys\)$'
    }

    It 'offers open slots first, then the first slot of each range: <_>' -ForEach @(
        'Get-RedisSlotKey ', 'Move-RedisSlot -Slot ', 'Start-RedisSlotMigration -Slot '
    ) {
        $found = @(Find-Completion $_)
        $found[0].CompletionText | Should -Be '5519'
        $found[1].CompletionText | Should -Be '0'
        $found.CompletionText | Should -Contain '10922'
        $found[1].ToolTip | Should -Match '^the first of 0-5460, owned by 127'
    }

    It 'queries the cluster of -Cluster, also from a variable, or of $PSDefaultParameterValues' {
        Disconnect-RedisCluster
        $env:REDISCLUSTEROPS_ENTRY = $Nodes[1]
        try {
            @(Find-Completion "Complete-RedisSlotMigration -Cluster $($Nodes[1]) -Slot ").CompletionText | Should -Contain '5519'
            $found = @(Find-Completion 'Complete-RedisSlotMigration -Cluster $env:REDISCLUSTEROPS_ENTRY -Slot ')
            $found.CompletionText | Should -Contain '5519'
            $global:PSDefaultParameterValues['*-Redis*:Cluster'] = $Nodes[1]
            @(Find-Completion 'Complete-RedisSlotMigration -Slot ').CompletionText | Should -Contain '5519'
            $global:PSDefaultParameterValues['Disabled'] = $true
            @(Get-Completion 'Complete-RedisSlotMigration -Slot ').ForEach('CompletionText') | Should -Not -Contain '5519'
        }
        finally {
            $global:PSDefaultParameterValues.Remove('*-Redis*:Cluster')
            $global:PSDefaultParameterValues.Remove('Disabled')
            Remove-Item Env:REDISCLUSTEROPS_ENTRY
            $null = Connect-RedisCluster $Nodes[0]
        }
    }
}

Describe 'Completion of a node' {
    It 'offers host:port with role, slots and id as tooltip: <_>' -ForEach @(
        'Get-RedisClusterNode ', 'Get-RedisSlotKey 5519 -Node ', 'Complete-RedisSlotMigration 5519 -Source '
        'Undo-RedisSlotMigration 5519 -Target ', 'Move-RedisSlot 1 -Target ', 'Move-RedisSlot -Count 1 -Source '
        'Restart-RedisSlotMigration 5519 -Target ', 'Repair-RedisCluster -Target ', 'Start-RedisSlotMigration 1 -Source '
    ) {
        $found = @(Find-Completion $_)
        $found.CompletionText | Should -Be ($Nodes | Sort-Object { [int]$_.Split(':')[1] })
        foreach ($node in Get-RedisClusterNode) {
            $slots = if ($node.SlotCount) { "slots $($node.SlotRanges -join ',')" } else { 'no slots' }
            $found.ToolTip | Should -Contain "$($node.Endpoint) master, $slots, id $($node.Id)"
        }
    }

    It 'completes the beginning of an id or of host:port' {
        $node = @(Get-RedisClusterNode)[2]
        @(Find-Completion "Get-RedisClusterNode $($node.Id.Substring(0, 10))").CompletionText | Should -Be $node.Id
        @(Find-Completion "Move-RedisSlot 1 -Target '$($node.Endpoint.Substring(0, 13))").CompletionText | Should -Contain $node.Endpoint
    }
}

Describe 'Completion of a run' {
    It 'offers runs, and to Resume-RedisMigration only resumable runs' {
        $done = Complete-RedisSlotMigration 5519
        $found = @(Find-Completion 'Undo-RedisSlotMigration -MigrationId ')
        $found.CompletionText | Should -Be $done.MigrationId
        $found.ToolTip | Should -Match '^Complete Completed, 1 of 1 slots, last progress \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$'
        @(Find-Completion "Get-RedisMigration $($done.MigrationId.Substring(0, 9))").CompletionText | Should -Be $done.MigrationId
        $found = @(Find-Completion "Get-RedisMigration -JournalPath $($env:REDISCLUSTEROPS_JOURNAL) -Id ")
        $found.CompletionText | Should -Be $done.MigrationId
        @(Get-Completion 'Resume-RedisMigration -Id ').ForEach('CompletionText') | Should -Not -Contain $done.MigrationId
        Invoke-Wedge -Slot 5519
    }
}

Describe 'Completion' {
    It 'offers the values of an enumeration: <Line>' -ForEach @(
        @{ Line = 'Complete-RedisSlotMigration 1 -OnKeyConflict '; Values = 'KeepInUse', 'KeepOther', 'Stop' }
        @{ Line = 'Move-RedisSlot 1 -Method '; Values = 'Atomic', 'Auto', 'KeyByKey' }
        @{ Line = 'Undo-RedisSlotMigration 1 -Strategy '; Values = 'PullBack', 'RoundTrip' }
        @{ Line = 'New-RedisRebalancePlan -By '; Values = 'Cpu', 'Keys', 'Memory', 'Network', 'Slots' }
        @{ Line = 'Get-RedisClusterNode -Role '; Values = 'Master', 'Replica' }
    ) {
        @(Get-Completion $Line).CompletionText | Sort-Object | Should -Be $Values
    }

    It 'returns soon, empty and without an error for <Name>' -ForEach @(
        @{ Name = 'no cluster'; Line = 'Complete-RedisSlotMigration -Slot ' }
        @{ Name = 'an unreachable cluster'; Line = 'Complete-RedisSlotMigration -Cluster 127.0.0.1:1 -Slot ' }
        @{ Name = 'an invalid connection string'; Line = "Move-RedisSlot 1 -Cluster 'host:1,colour=blue' -Target " }
        @{ Name = 'no journal'; Line = "Resume-RedisMigration -JournalPath /nowhere/at/all -Id " }
    ) {
        Disconnect-RedisCluster
        try {
            $Error.Clear()
            $clock = [Diagnostics.Stopwatch]::StartNew()
            $found = @(Get-Completion $Line)
            $clock.Elapsed.TotalSeconds | Should -BeLessThan 3
            $found | Where-Object { $_.CompletionText -match '^\d' } | Should -BeNullOrEmpty
            $Error | Should -BeNullOrEmpty
        }
        finally { $null = Connect-RedisCluster $Nodes[0] }
    }

    It 'does not wait for a node that does not answer' {
        $silent = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
        $silent.Start()
        try {
            $clock = [Diagnostics.Stopwatch]::StartNew()
            $found = @(Get-Completion "Complete-RedisSlotMigration -Cluster $($silent.LocalEndpoint) -Slot ")
            $found | Where-Object CompletionText -Match '^\d' | Should -BeNullOrEmpty
            $clock.Elapsed.TotalSeconds | Should -BeLessThan 5
        }
        finally { $silent.Stop() }
    }
}
