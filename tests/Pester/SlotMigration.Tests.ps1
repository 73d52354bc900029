BeforeAll {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    $script:ModulePath = Join-Path $Repository 'out/RedisClusterOps'
    Import-Module $ModulePath
    . (Join-Path $PSScriptRoot 'RecordedHost.ps1')
    $script:Nodes = Enter-Lab
    $null = Connect-RedisCluster $Nodes[0]
}

AfterAll {
    Disconnect-RedisCluster
    Exit-Lab
}

Describe 'Get-RedisOpenSlot | Complete-RedisSlotMigration' {
    It 'previews with -WhatIf, then completes' {
        Invoke-Wedge -Slot 5519
        $open = Get-RedisOpenSlot
        $open.Slot | Should -Be 5519
        $open.State | Should -Be 'Migrating'
        $open.KeysOnSource | Should -Be 20
        $open.Advice | Should -Be 'Complete-RedisSlotMigration -Slot 5519'

        $written = Get-WriteCount $Nodes
        $shown = Invoke-FreshPowerShell "Get-RedisOpenSlot -Cluster $($Nodes[0]) | Complete-RedisSlotMigration -WhatIf"
        $shown | Should -Match 'complete: move 20 keys from'
        $shown | Should -Match 'MIGRATE'
        $shown | Should -Match 'CLUSTER SETSLOT 5519 NODE'
        $shown | Should -Not -Match 'Completed'
        Get-WriteCount $Nodes | Should -Be $written

        $result = Get-RedisOpenSlot | Complete-RedisSlotMigration -Confirm:$false
        $result.Outcome | Should -Be 'Completed'
        $result.KeysMoved | Should -Be 20
        $result | Format-List | Out-String | Should -Match '\d:\d\d:\d\d\.\d\d' -Because 'most slots take less than a second'
        Get-RedisOpenSlot | Should -BeNullOrEmpty
        Get-OpenNode $Nodes 5519 | Should -BeNullOrEmpty
        Get-KeyCount $open.Source 5519 | Should -Be 0
        Get-KeyCount $open.Target 5519 | Should -Be 30
        @(Get-RedisSlotKey 5519 -Node $result.Target).Count | Should -Be 30
        Test-RedisCluster | Should -BeTrue
    }

    It 'binds slot, source, target and cluster by property name' {
        Invoke-Wedge -Slot 10
        $open = Get-RedisOpenSlot
        Disconnect-RedisCluster
        try {
            $copy = [pscustomobject]@{ Slot = $open.Slot; Source = $open.Source; Target = $open.Target; Cluster = $Nodes[0] }
            ($copy | Complete-RedisSlotMigration).Outcome | Should -Be 'Completed'
        }
        finally { $null = Connect-RedisCluster $Nodes[0] }
    }

    It 'takes a slot from the pipeline' {
        Invoke-Wedge -Slot 11
        (11 | Complete-RedisSlotMigration -MaxStall 5ms -Timeout 30s).Outcome | Should -Be 'Completed'
    }

    It 'does not prompt by default, so it completes with -NonInteractive' {
        Invoke-Wedge -Slot 12
        Invoke-FreshPowerShell "Complete-RedisSlotMigration 12 -Cluster $($Nodes[0])" '-NonInteractive' | Should -Match 'Completed'
    }

    It 'changes nothing with -Confirm if it can not prompt' {
        Invoke-Wedge -Slot 13
        $line = "Complete-RedisSlotMigration 13 -Cluster $($Nodes[0]) -Confirm"
        Invoke-FreshPowerShell $line '-NonInteractive' | Should -Not -Match 'Completed'
        (Get-RedisOpenSlot 13).State | Should -Be 'Migrating'
        $null = Complete-RedisSlotMigration 13
    }

    It 'prompts once for each source and target, skips what is declined, and continues' {
        Invoke-Wedge -Slot 23
        Invoke-Wedge -Slot 6000
        $asked = Invoke-Asked "23, 6000 | Complete-RedisSlotMigration -Cluster $($Nodes[0]) -Confirm" -Answer 2, 0
        $asked.Questions.Count | Should -Be 2
        $asked.Output.Slot | Should -Be 6000
        (Get-RedisOpenSlot).Slot | Should -Be 23
        $null = Complete-RedisSlotMigration 23
    }

    It 'fails with a result for each slot and one error for each cause, and continues' {
        Invoke-Wedge -Slot 15
        $results = 14, 15, 16 | Complete-RedisSlotMigration -ErrorAction SilentlyContinue -ErrorVariable failures
        $results.Outcome | Should -Be @('Failed', 'Completed', 'Failed')
        $failures.FullyQualifiedErrorId | Should -Be 'SlotNotOpen,RedisClusterOps.Commands.CompleteRedisSlotMigrationCommand'
        $failures.TargetObject | Should -Be '14,16'
        $failures.ErrorDetails.Message | Should -Match '^2 slots \(14,16\) failed for the same reason'
        $failures.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }

    It 'is refused with one error that names all slots: <Line>' -ForEach @(
        @{ Line = 'Complete-RedisSlotMigration 5519, 77 -Target nowhere' }
        @{ Line = '5519, 77 | Complete-RedisSlotMigration -Target nowhere' }
        @{ Line = 'Undo-RedisSlotMigration 5519, 77 -Source nowhere' }
        @{ Line = 'Start-RedisSlotMigration 5519, 77 -Target nowhere' }
        @{ Line = '77, 5519 | Start-RedisSlotMigration -Target nowhere' }
        @{ Line = 'Restart-RedisSlotMigration 5519, 77 -Target nowhere' }
        @{ Line = 'Move-RedisSlotKey 5519, 77 -Target nowhere' }
        @{ Line = 'Get-RedisSlotKey 5519, 77 -Node nowhere' }
        @{ Line = '5519, 77 | Get-RedisSlotKey -Node nowhere' }
    ) {
        . ([scriptblock]::Create("$Line -ErrorAction SilentlyContinue -ErrorVariable failures")) | Out-Null
        $failures.FullyQualifiedErrorId | Should -BeLike 'NodeNotFound,*'
        $failures.ErrorDetails.Message | Should -Match '^2 slots \(77,5519\) failed for the same reason: .*nowhere'
    }

    It 'ends at the first slot that fails with -ErrorAction Stop' {
        $ended = { Get-RedisSlotKey 5519, 77 -Node nowhere -ErrorAction Stop } | Should -Throw '*nowhere*' -PassThru
        $ended.ErrorDetails.Message | Should -Not -Match 'failed for the same reason'
    }

    It 'writes the failures of slots also if a later record ends the pipeline' {
        $lost = [pscustomobject]@{ Slot = 77; Cluster = $Nodes[0] }, [pscustomobject]@{ Slot = 78; Cluster = '127.0.0.1:1' }
        { $lost | Get-RedisSlotKey -Node nowhere -ErrorAction SilentlyContinue -ErrorVariable script:failures } | Should -Throw '*127.0.0.1:1*'
        $script:failures.FullyQualifiedErrorId | Should -Contain 'NodeNotFound,RedisClusterOps.Commands.GetRedisSlotKeyCommand'
    }

    It 'refuses all slots of a master with one error' {
        $results = Complete-RedisSlotMigration 100-1100 -ErrorAction SilentlyContinue -ErrorVariable failures
        $results | Should -HaveCount 1001
        $failures | Should -HaveCount 1
        $failures.TargetObject | Should -Be '100-1100'
        $failures.ErrorDetails.Message | Should -Match '^1001 slots \(100-1100\) '
    }

    It 'stops the script with -ErrorAction Stop' {
        { Complete-RedisSlotMigration 14 -ErrorAction Stop } | Should -Throw -ErrorId 'SlotNotOpen,*'
    }

    It 'rejects an invalid slot, time or node' {
        { Complete-RedisSlotMigration -Slot -1 } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,*'
        { Complete-RedisSlotMigration 16384 } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,*'
        { Complete-RedisSlotMigration 1 -MaxStall 5 } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,*'
        Invoke-Wedge -Slot 17
        { Complete-RedisSlotMigration 17 -Target unknown:1 -ErrorAction Stop } | Should -Throw -ErrorId 'NodeNotFound,*'
        (Get-RedisOpenSlot 17).State | Should -Be 'Migrating'
        $null = Complete-RedisSlotMigration 17
    }

    It 'can be stopped, and resumed with the same command' {
        Invoke-Wedge -Slot 18 -Key 2000 -Moved 0
        $recorded = Open-RecordedShell
        $shell = $recorded.Shell
        $output = [Management.Automation.PSDataCollection[psobject]]::new()
        try {
            $null = $shell.AddScript("Complete-RedisSlotMigration 18 -Cluster $($Nodes[0]) -MaxKeysPerSecond 100 -BatchSize 10")
            $running = $shell.BeginInvoke([Management.Automation.PSDataCollection[psobject]]::new(), $output)
            foreach ($attempt in 1..100) {
                Start-Sleep -Milliseconds 100
                if ((Get-RedisOpenSlot 18).KeysOnTarget -gt 0) { break }
            }
            $attempt | Should -BeLessThan 100
            $clock = [Diagnostics.Stopwatch]::StartNew()
            $shell.Stop()
            $clock.Elapsed.TotalSeconds | Should -BeLessThan 5
            $running.IsCompleted | Should -BeTrue
            # The pipeline takes no output after a stop, so the host shows the unfinished work.
            $output | Should -BeNullOrEmpty
            $recorded.Screen.Warnings | Should -HaveCount 1
            $recorded.Screen.Warnings[0] | Should -Match 'Complete-RedisSlotMigration'
        }
        finally { Close-RecordedShell $recorded }
        $open = Get-RedisOpenSlot 18
        $open.State | Should -Be 'Migrating'
        $open.KeysOnSource + $open.KeysOnTarget | Should -Be 2000
        $open.KeysOnTarget | Should -BeLessThan 2000
        ($open | Complete-RedisSlotMigration).Outcome | Should -Be 'Completed'
        @(Get-RedisSlotKey 18).Count | Should -Be 2000
    }

    It 'writes each step with -Verbose and each command with -Debug' {
        Invoke-Wedge -Slot 19
        $shown = Invoke-FreshPowerShell "`$DebugPreference = 'Continue'; Complete-RedisSlotMigration 19 -Cluster $($Nodes[0]) -Verbose"
        $shown | Should -Match 'VERBOSE: Slot 19'
        $shown | Should -Match 'DEBUG: .*SETSLOT'
    }
}

Describe 'Move-RedisSlotKey' {
    It 'moves some keys and leaves the slot open' {
        Invoke-Wedge -Slot 20
        $written = Get-WriteCount $Nodes
        $asked = Invoke-Asked "Move-RedisSlotKey 20 -First 5 -Cluster $($Nodes[0]) -Confirm" -Answer 2
        $asked.Questions | Should -Match 'move at most 5 keys from '
        Move-RedisSlotKey 20 -First 1000 -WhatIf
        Get-WriteCount $Nodes | Should -Be $written
        $moved = Move-RedisSlotKey 20 -First 5
        $moved.KeysMoved | Should -Be 5
        $moved.KeysRemaining | Should -Be 15
        @(Get-OpenNode $Nodes 20).Count | Should -Be 2
        $name = (Get-RedisSlotKey 20 -Node $moved.Source -First 1).Name
        (Move-RedisSlotKey 20 -Key $name).KeysMoved | Should -Be 1
        (Get-RedisOpenSlot 20 | Move-RedisSlotKey).KeysRemaining | Should -Be 0
        (Get-RedisOpenSlot 20).State | Should -Be 'Drained'
        (Get-RedisOpenSlot 20 | Complete-RedisSlotMigration).Outcome | Should -Be 'Completed'
        { Move-RedisSlotKey 20 -ErrorAction Stop } | Should -Throw -ErrorId 'SlotNotOpen,*'
    }
}

Describe 'Get-RedisSlotKey' {
    It 'streams, and ends once Select-Object -First has enough' {
        Invoke-Wedge -Slot 21 -Key 500 -Moved 0
        @(Get-RedisSlotKey 21).Count | Should -Be 500
        @(Get-RedisSlotKey 21 -First 7).Count | Should -Be 7
        $clock = [Diagnostics.Stopwatch]::StartNew()
        $first = Get-RedisSlotKey 21 -Detail | Select-Object -First 1
        $clock.Elapsed.TotalSeconds | Should -BeLessThan 5
        $first.Type | Should -Be 'string'
        $first.MemoryUsage | Should -BeGreaterThan 0
        $first.RawName.Count | Should -BeGreaterThan 0
        $null = Complete-RedisSlotMigration 21
    }
}

Describe 'Get-RedisClusterHealth' {
    It 'returns the findings, the nodes and the open slots' {
        Invoke-Wedge -Slot 25
        $health = Get-RedisClusterHealth
        $health.Healthy | Should -BeFalse
        $health.Findings.Code | Should -Contain 'SlotOpen'
        $health.OpenSlots.Slot | Should -Be 25
        $health.Nodes | Should -HaveCount 4
        $null = Complete-RedisSlotMigration 25
    }

    It 'checks each cluster of the pipeline' {
        $all = $Nodes[0], $Nodes[1] | Get-RedisClusterHealth
        $all.Cluster | ForEach-Object ToString | Should -Be $Nodes[0], $Nodes[1]
    }
}

Describe 'Test-RedisCluster' {
    It 'returns only true or false, and warns of each error with the next command' {
        $well = Test-RedisCluster -WarningVariable warnings
        $well | Should -BeOfType bool
        $well | Should -BeTrue
        $warnings | Should -BeNullOrEmpty
        Invoke-Wedge -Slot 26
        $ill = Test-RedisCluster -WarningVariable warnings -WarningAction SilentlyContinue
        $ill | Should -BeOfType bool
        $ill | Should -BeFalse
        "$warnings" | Should -Match 'SlotOpen 26: .* Next: Complete-RedisSlotMigration -Slot 26'
        Test-RedisCluster -Quiet -WarningVariable warnings | Should -BeFalse
        $warnings | Should -BeNullOrEmpty
        $null = Complete-RedisSlotMigration 26
    }

    It 'with a dead cluster is an error, not false' {
        { Test-RedisCluster -Cluster 127.0.0.1:1 } | Should -Throw -ErrorId 'ConnectionFailed,*'
    }
}

Describe 'Get-RedisKeyConflict and Restore-RedisKey' {
    BeforeAll {
        Invoke-Wedge -Slot 160 -Key 10 -Moved 4
        $script:Open = Get-RedisOpenSlot 160
        $script:Key = (Get-RedisSlotKey 160 -Node $Open.Source -First 1).Name
        "ASKING`nSET $Key other" | redis-cli -p $Open.Target.Split(':')[1] | Out-Null
        "ASKING`nEXPIRE $Key 500" | redis-cli -p $Open.Target.Split(':')[1] | Out-Null
    }

    It 'shows both copies and changes nothing, from open slots, from JSON and without a slot' {
        $written = Get-WriteCount $Nodes
        $fromJson = $Open | ConvertTo-Json | ConvertFrom-Json | Get-RedisKeyConflict
        foreach ($conflict in (Get-RedisKeyConflict), ($Open | Get-RedisKeyConflict), $fromJson) {
            $conflict.Name | Should -Be $Key
            $conflict.IsEqual | Should -BeFalse
            $conflict.InUseOn | Should -Be $Open.Source
            $conflict.OtherOn | Should -Be $Open.Target
            $conflict.TimeToLive | Should -BeNullOrEmpty
            $conflict.OtherTimeToLive.TotalSeconds | Should -BeGreaterThan 400
            $conflict.Advice | Should -Match '^Complete-RedisSlotMigration -Slot 160 -OnKeyConflict KeepInUse'
        }
        Get-WriteCount $Nodes | Should -Be $written
    }

    It 'restores the value that lost, by the line of the warning, and back' {
        $options = @{ OnKeyConflict = 'KeepInUse'; WarningVariable = 'warnings'; WarningAction = 'SilentlyContinue' }
        $result = $Open | ConvertTo-Json | ConvertFrom-Json | Complete-RedisSlotMigration @options
        $result.Outcome | Should -Be 'Completed'
        "$warnings" -match 'To put it back: (Restore-RedisKey -Path \S+ -Replace)' | Should -BeTrue
        $line = $Matches[1]
        $file = $line.Split(' ')[2]
        $port = $Open.Target.Split(':')[1]
        $value = redis-cli -p $port GET $Key

        Restore-RedisKey $file -ErrorAction SilentlyContinue -ErrorVariable refused | Should -BeNullOrEmpty
        $refused.FullyQualifiedErrorId | Should -BeLike 'KeyExistsOnTarget,*'
        Get-ChildItem (Split-Path $file) | Restore-RedisKey -Replace -WhatIf | Should -BeNullOrEmpty
        redis-cli -p $port GET $Key | Should -Be $value

        $restored = & ([scriptblock]::Create($line)) 3>&1
        $restored[-1].Node | Should -Be $Open.Target
        redis-cli -p $port GET $Key | Should -Be 'other'
        [int] (redis-cli -p $port TTL $Key) | Should -BeGreaterThan 400
        "$($restored[0])" -match 'the value that was replaced .* To put it back: (Restore-RedisKey -Path \S+ -Replace)' | Should -BeTrue
        $null = & ([scriptblock]::Create($Matches[1])) 3>$null
        redis-cli -p $port GET $Key | Should -Be $value
    }

    It 'names -Confirm:$false if the session can not ask' {
        Invoke-Wedge -Slot 161
        $shown = Invoke-FreshPowerShell "Repair-RedisCluster -Slot 161 -Cluster $($Nodes[0])" -Switch '-NonInteractive'
        $shown | Should -Match 'needs consent'
        $shown | Should -Match '-Confirm:\$false'
        $null = Complete-RedisSlotMigration 161
    }
}
