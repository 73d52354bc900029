BeforeAll {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    $script:ModulePath = Join-Path $Repository 'out/RedisClusterOps'
    Import-Module $ModulePath
    . (Join-Path $PSScriptRoot 'RecordedHost.ps1')
    # A journal folder for these tests, so that the user's own journal stays unchanged.
    $script:Journal = $env:REDISCLUSTEROPS_JOURNAL
    $env:REDISCLUSTEROPS_JOURNAL = Join-Path ([IO.Path]::GetTempPath()) "redisclusterops-pester-journal-$PID"
    $script:Nodes = Enter-Lab
    $null = Connect-RedisCluster $Nodes[0]
    $script:Empty = (Get-RedisClusterNode | Where-Object SlotCount -eq 0).Endpoint

    function Invoke-SetSlot([string] $Node, [object[]] $Argument) {
        $null = redis-cli -p $Node.Split(':')[1] CLUSTER SETSLOT @Argument
    }

    # Everything that -WhatIf must not change.
    function Get-ClusterState {
        Get-RedisClusterNode | ForEach-Object { "$($_.Id) $($_.ConfigEpoch) $($_.SlotRanges) $($_.KeyCount)" }
        Get-RedisOpenSlot | Out-String
    }
}

AfterAll {
    Disconnect-RedisCluster
    Exit-Lab
    Remove-Item $env:REDISCLUSTEROPS_JOURNAL -Recurse -Force -ErrorAction SilentlyContinue
    $env:REDISCLUSTEROPS_JOURNAL = $Journal
}

Describe 'Every cmdlet that changes a slot' {
    BeforeAll { Invoke-Wedge -Slot 100 }
    AfterAll { $null = Complete-RedisSlotMigration 100 }

    It 'writes nothing with -WhatIf and shows the commands: <Line>' -ForEach @(
        @{ Line = 'Start-RedisSlotMigration 101 -Target TARGET'; Shows = 'CLUSTER SETSLOT 101 IMPORTING' }
        @{ Line = 'Restart-RedisSlotMigration 100'; Shows = 'Migrating' }
        @{ Line = 'Get-RedisOpenSlot 100 | Undo-RedisSlotMigration'; Shows = 'undo: bring back to' }
        @{ Line = 'Undo-RedisSlotMigration 100 -Strategy PullBack'; Shows = 'CLUSTER SETSLOT 100 STABLE' }
        @{ Line = 'Repair-RedisCluster'; Shows = 'repair from' }
    ) {
        $before = Get-ClusterState
        $written = Get-WriteCount $Nodes
        $preview = Invoke-Asked "`$null = Connect-RedisCluster $($Nodes[0]); $($Line.Replace('TARGET', $Empty)) -WhatIf"
        # A slot that needs no restart is returned unchanged.
        $text = ($preview.Lines -join "`n") + ($preview.Output | Out-String)
        $text | Should -Match ([regex]::Escape($Shows))
        $text | Should -Not -Match 'RolledBack|Repaired|Completed'
        $preview.Errors | Should -BeNullOrEmpty
        Get-WriteCount $Nodes | Should -Be $written
        Get-ClusterState | Should -Be $before
        Get-RedisMigration | Should -BeNullOrEmpty
    }

    It 'leaves a slot that another tool opened to a decision: Resume-RedisMigration' {
        $before = Get-ClusterState
        $result = Resume-RedisMigration
        $result.Outcome | Should -Be 'Skipped'
        $result.Reason | Should -Be ('Nothing to resume: the journal has no unfinished run on this cluster. ' +
            'For slots that another tool left open: Get-RedisOpenSlot')
        Get-ClusterState | Should -Be $before
        (Get-RedisOpenSlot).Slot | Should -Be 100
    }
}

Describe 'Start-RedisSlotMigration and Restart-RedisSlotMigration' {
    It 'opens slots, and the same pipeline completes them' {
        $results = 110, 111 | Start-RedisSlotMigration -Target $Empty -Cluster $Nodes[0] | Complete-RedisSlotMigration
        @($results.MigrationId | Select-Object -Unique).Count | Should -Be 1
        $results.Outcome | Should -Be @('Completed', 'Completed')
        $results.Slot | Should -Be @(110, 111)
        (Get-RedisMigration | Where-Object Operation -eq Start)[0].SlotCount | Should -Be 2
    }

    It 'returns the open slot, with the time it was opened' {
        $open = Start-RedisSlotMigration -Slot 112 -Target $Empty -Confirm:$false
        $open.GetType().Name | Should -Be 'RedisOpenSlot'
        $open.State | Should -Be 'Migrating'
        $open.PercentComplete | Should -Be 0
        $open.Target | Should -Be $Empty
        $open.Since | Should -BeGreaterThan ([datetime]::UtcNow.AddMinutes(-5))
        ($open | Undo-RedisSlotMigration).Outcome | Should -Be 'RolledBack'
    }

    It 'makes the flags consistent, or changes the target' {
        $open = Start-RedisSlotMigration 113 -Target $Empty
        Invoke-SetSlot $open.Source 113, 'STABLE'
        (Get-RedisOpenSlot 113).State | Should -Be 'ImportingOnly'
        (Get-RedisOpenSlot 113 | Restart-RedisSlotMigration).State | Should -Be 'Migrating'
        $other = (Get-RedisClusterNode | Where-Object { $_.Endpoint -notin $open.Source, $open.Target })[0].Endpoint
        (Restart-RedisSlotMigration 113 -Target $other).Target | Should -Be $other
        $null = Undo-RedisSlotMigration 113
    }

    It 'fails with one error for each cause, writes no object for a failed slot, and continues' {
        Invoke-Wedge -Slot 116
        $open = 114, 115, 116 | Restart-RedisSlotMigration -ErrorAction SilentlyContinue -ErrorVariable failures
        $open.Slot | Should -Be 116
        $failures.FullyQualifiedErrorId | Should -Be 'SlotNotOpen,RedisClusterOps.Commands.RestartRedisSlotMigrationCommand'
        $failures.TargetObject | Should -Be '114-115'
        $null = Undo-RedisSlotMigration 116
        { Start-RedisSlotMigration 114 -Target unknown:1 -ErrorAction Stop } | Should -Throw -ErrorId 'NodeNotFound,*'
    }
}

Describe 'Undo-RedisSlotMigration' {
    It 'returns open slots from the pipeline to their source: <Strategy>' -ForEach @(
        @{ Strategy = 'RoundTrip'; Slot = 120 }, @{ Strategy = 'PullBack'; Slot = 121 }
    ) {
        Invoke-Wedge -Slot $Slot
        $open = Get-RedisOpenSlot $Slot
        $result = $open | Undo-RedisSlotMigration -Strategy $Strategy -WarningAction SilentlyContinue
        $result.Outcome | Should -Be 'RolledBack'
        Get-RedisOpenSlot $Slot | Should -BeNullOrEmpty
        Get-OpenNode $Nodes $Slot | Should -BeNullOrEmpty
        Get-KeyCount $open.Source $Slot | Should -Be 30
        Get-KeyCount $open.Target $Slot | Should -Be 0
    }

    It 'warns that PullBack makes keys unreadable for a time, and not with RoundTrip' {
        Invoke-Wedge -Slot 122
        Undo-RedisSlotMigration 122 -WhatIf -WarningVariable none
        $none | Should -BeNullOrEmpty
        Undo-RedisSlotMigration 122 -WhatIf -Strategy PullBack -WarningVariable window -WarningAction SilentlyContinue
        $window | Should -Match 'read as missing'
        $null = Undo-RedisSlotMigration 122
    }

    It 'undoes a completed migration, from its result or as a run' {
        Invoke-Wedge -Slot 123
        Invoke-Wedge -Slot 124
        $owner = (Get-RedisOpenSlot 123).Source
        $done = Get-RedisOpenSlot 123, 124 | Complete-RedisSlotMigration
        ($done[0] | Undo-RedisSlotMigration).Outcome | Should -Be 'RolledBack'
        $undone = Get-RedisMigration $done[1].MigrationId | Undo-RedisSlotMigration
        $undone.Slot | Should -Be @(124, 123)
        $undone.Outcome | Should -Be @('RolledBack', 'Skipped')
        @(Get-RedisSlotKey 124 -Node $owner).Count | Should -Be 30
    }

    It 'does not lock itself out if each object has its own session' {
        $objects = foreach ($slot in 127, 128) {
            Invoke-Wedge -Slot $slot
            Get-RedisOpenSlot $slot -Cluster $Nodes[1]
        }
        ($objects | Undo-RedisSlotMigration).Outcome | Should -Be @('RolledBack', 'RolledBack')
    }

    It 'fails on one slot and undoes the others' {
        Invoke-Wedge -Slot 126
        $results = 125, 126 | Undo-RedisSlotMigration -ErrorAction SilentlyContinue -ErrorVariable failures
        $results.Outcome | Should -Be @('Failed', 'RolledBack')
        $failures.FullyQualifiedErrorId | Should -Be 'SlotNotOpen,RedisClusterOps.Commands.UndoRedisSlotMigrationCommand'
    }

    It 'takes a slot or a run, not both' {
        { Undo-RedisSlotMigration -Slot 1 -MigrationId 2026 } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
        { Undo-RedisSlotMigration -MigrationId 19990101 } | Should -Throw -ErrorId 'MigrationNotFound,*'
    }
}

Describe 'Repair-RedisCluster' {
    It 'repairs every problem, without a prompt with -Confirm:$false' {
        Invoke-Wedge -Slot 130
        Invoke-Wedge -Slot 131
        $open = Get-RedisOpenSlot 131
        Invoke-SetSlot $open.Source 131, 'STABLE'
        (Get-RedisOpenSlot 131).Advice | Should -Be 'Repair-RedisCluster -Slot 131'
        Invoke-FreshPowerShell "Repair-RedisCluster -Cluster $($Nodes[0]) -Confirm:`$false" '-NonInteractive' | Should -Match 'Repaired'
        Get-RedisOpenSlot | Should -BeNullOrEmpty
        Test-RedisCluster -Deep | Should -BeTrue
        @(Get-RedisSlotKey 131 -Node $open.Source).Count | Should -Be 30
    }

    It 'changes nothing if it can not prompt' {
        Invoke-Wedge -Slot 132
        Invoke-FreshPowerShell "Repair-RedisCluster -Cluster $($Nodes[0])" '-NonInteractive' | Should -Not -Match 'Repaired'
        (Get-RedisOpenSlot 132).State | Should -Be 'Migrating'
        (Get-RedisOpenSlot 132 | Repair-RedisCluster -Confirm:$false).Outcome | Should -Be 'Repaired'
    }

    It 'prompts once for each pair of nodes, skips what is declined, and makes one run that can be undone' {
        Invoke-Wedge -Slot 133
        Invoke-Wedge -Slot 134
        $asked = Invoke-Asked "Repair-RedisCluster -Cluster $($Nodes[0])" -Answer 2
        $asked.Questions | Should -HaveCount 1
        $asked.Questions[0] | Should -Match 'on target "slots 133-134"'
        $asked.Output | Should -BeNullOrEmpty
        (Get-RedisOpenSlot).Slot | Should -Be @(133, 134)

        $results = Repair-RedisCluster -Confirm:$false
        $results.Outcome | Should -Be 'Repaired'
        $results.SlotRanges | Should -Be '133-134'
        $id = @($results.MigrationId | Select-Object -Unique)
        $id | Should -HaveCount 1
        $run = Get-RedisMigration $id[0]
        $run.Operation, $run.SlotsDone, $run.IsResumable | Should -Be @('Repair', 2, $false)
        $undone = Undo-RedisSlotMigration -MigrationId $id[0]
        "$($undone.Outcome) $($undone.SlotRanges)" | Should -Be 'RolledBack 133-134'
    }

    It 'fails on a slot with a key conflict, and repairs the others' {
        Invoke-Wedge -Slot 135
        Invoke-Wedge -Slot 136
        $open = Get-RedisOpenSlot 135
        Invoke-SetSlot $open.Source 135, 'STABLE'
        $name = (Get-RedisSlotKey 135 -Node $open.Target -First 1).Name
        $null = redis-cli -p $open.Source.Split(':')[1] SET $name 'written meanwhile'
        $results = Repair-RedisCluster -Confirm:$false -ErrorAction SilentlyContinue -ErrorVariable failures
        $results.Outcome | Sort-Object | Should -Be @('Repaired', 'Failed')
        $failures.FullyQualifiedErrorId | Should -Be 'KeyExistsOnTarget,RedisClusterOps.Commands.RepairRedisClusterCommand'
        (Repair-RedisCluster -Slot 135 -OnKeyConflict KeepInUse -Confirm:$false).Outcome | Should -Be 'Repaired'
        redis-cli -p $open.Source.Split(':')[1] GET $name | Should -Be 'written meanwhile'
        @(Get-RedisSlotKey 135 -Node $open.Source).Count | Should -Be 30
    }

    It 'leaves the owner of an unassigned slot to a person, and names the candidates' {
        Invoke-Wedge -Slot 137
        $source = (Get-RedisOpenSlot 137).Source
        foreach ($node in $Nodes) { Invoke-SetSlot $node 137, 'STABLE' }
        foreach ($node in $Nodes) { $null = redis-cli -p $node.Split(':')[1] CLUSTER DELSLOTS 137 }
        (Repair-RedisCluster -Confirm:$false -ErrorAction SilentlyContinue -ErrorVariable failures).Outcome | Should -Be 'Failed'
        $failures.FullyQualifiedErrorId | Should -Be 'SlotStateUnsuitable,RedisClusterOps.Commands.RepairRedisClusterCommand'
        $failures.ErrorDetails.RecommendedAction | Should -Be "Repair-RedisCluster -Slot 137 -Target $source"
        (Repair-RedisCluster -Slot 137 -Target $source -Confirm:$false).Outcome | Should -Be 'Repaired'
        @(Get-RedisSlotKey 137 -Node $source).Count | Should -Be 30
    }
}

Describe 'Get-RedisMigration | Resume-RedisMigration' {
    It 'needs no cluster, and filters by -Cluster' {
        Invoke-FreshPowerShell '(Get-RedisMigration).Count' | Should -Match '\d'
        @(Get-RedisMigration -Cluster $Nodes[0]).Count | Should -Be @(Get-RedisMigration).Count
        Get-RedisMigration -JournalPath (Join-Path $TestDrive 'none') | Should -BeNullOrEmpty
        Get-RedisMigration -Running | Should -BeNullOrEmpty
    }

    It 'lists the runs of the current cluster, and with -AllClusters those of others' {
        $other = '20261120T080503Z-687ac5'
        $sample = Join-Path $PSScriptRoot "../RedisClusterOps.Core.Tests/Journal/samples/$other.jsonl"
        $copy = Copy-Item $sample (Join-Path $env:REDISCLUSTEROPS_JOURNAL 'runs') -PassThru
        try {
            (Get-RedisMigration).Id | Should -Not -Contain $other
            (Get-RedisMigration -AllClusters).Id | Should -Contain $other
            (Get-RedisMigration 20261120).Endpoint | Should -Be '10.0.0.1:6379'
        }
        finally { Remove-Item $copy }
    }

    It 'reports an unknown id and continues' {
        $newest = (Get-RedisMigration)[0].Id
        (Get-RedisMigration 19990101, $newest -ErrorAction SilentlyContinue -ErrorVariable failures).Id | Should -Be $newest
        $failures.FullyQualifiedErrorId | Should -Be 'MigrationNotFound,RedisClusterOps.Commands.GetRedisMigrationCommand'
        { Resume-RedisMigration 19990101 } | Should -Throw -ErrorId 'MigrationNotFound,*'
    }

    It 'resumes a run whose process was killed, and locks out other runs until then' {
        Invoke-Wedge -Slot 140 -Key 2000 -Moved 0
        Invoke-Wedge -Slot 141
        $line = "Import-Module '$ModulePath'; Complete-RedisSlotMigration 140 -Cluster $($Nodes[0]) -MaxKeysPerSecond 100 -BatchSize 1000"
        $arguments = $ShellArgument + '-NoProfile', '-Command', "`"$line`""
        $other = Start-Process $ShellProgram -ArgumentList $arguments -PassThru -RedirectStandardOutput (Join-Path $TestDrive 'other')
        try {
            # One big batch, then seconds of pause: the other run holds the lock but moves no keys.
            foreach ($attempt in 1..100) {
                Start-Sleep -Milliseconds 300
                if ((Get-RedisOpenSlot 140).KeysOnTarget -gt 0) { break }
            }
            (Get-RedisMigration -Running).Operation | Should -Be 'Complete'
            { Undo-RedisSlotMigration 141 } | Should -Throw -ErrorId 'JournalBusy,*'
            { Resume-RedisMigration (Get-RedisMigration -Running).Id } | Should -Throw -ErrorId 'JournalBusy,*'
        }
        finally { Stop-Process -Id $other.Id -Force; $other.WaitForExit() }

        $left = Get-RedisMigration | Where-Object IsResumable | Select-Object -First 1
        $left.State | Should -Be 'Interrupted'
        $left.SlotsLeft | Should -Be 1
        (Get-RedisOpenSlot 140).Since | Should -Not -BeNullOrEmpty
        $result = $left | Resume-RedisMigration
        $result.Outcome | Should -Be 'Completed'
        @(Get-RedisSlotKey 140 -Node $result.Target).Count | Should -Be 2000
        (Resume-RedisMigration $left.Id).Outcome | Should -Be 'Skipped'
        $null = Undo-RedisSlotMigration 141
    }
}

Describe 'Views of runs' {
    It 'fit 120 columns: <Name>' -ForEach @(
        @{ Name = 'runs'; Script = { Get-RedisMigration }; Shows = 'Started' }
        @{ Name = 'slots of a run'; Script = { (Get-RedisMigration)[0].Slots }; Shows = 'moved: ' }
        @{
            Name = 'an open slot'; Script = { Start-RedisSlotMigration 150 -Target $Empty }
            Shows = 'Complete-RedisSlotMigration -Slot 150'
        }
    ) {
        $lines = & $Script | Out-String -Width 120 -Stream | Where-Object { $_.Trim() }
        $lines | ForEach-Object { $_.TrimEnd().Length } | Measure-Object -Maximum | ForEach-Object Maximum | Should -BeLessOrEqual 120
        $lines -join "`n" | Should -Match ([regex]::Escape($Shows))
    }

    It 'have a list with all properties' {
        Get-RedisMigration | Select-Object -First 1 | Format-List | Out-String -Width 120 | Should -Match 'IsResumable'
        Get-RedisOpenSlot 150 | Format-List | Out-String -Width 120 | Should -Match 'Since +: \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ'
        $null = Undo-RedisSlotMigration 150
    }
}
