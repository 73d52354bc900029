BeforeAll {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    $script:ModulePath = Join-Path $Repository 'out/RedisClusterOps'
    Import-Module $ModulePath
    . (Join-Path $PSScriptRoot 'RecordedHost.ps1')
    $script:Journal = $env:REDISCLUSTEROPS_JOURNAL
    $env:REDISCLUSTEROPS_JOURNAL = Join-Path ([IO.Path]::GetTempPath()) "redisclusterops-pester-rebalance-$PID"
    $script:Nodes = Enter-Lab
    # Keeps a master without slots a master: these tests fill and drain the fourth master repeatedly.
    foreach ($node in $Nodes) { $null = redis-cli -p $node.Split(':')[1] CONFIG SET cluster-allow-replica-migration no }
    $null = Connect-RedisCluster $Nodes[0]
    $script:Empty = (Get-RedisClusterNode | Where-Object SlotCount -eq 0).Endpoint
    $script:Full = @((Get-RedisClusterNode | Where-Object SlotCount -gt 0).Endpoint)

    # Keys in slots of every owner, written to the owners.
    $script:Keys = 3000
    $lines = @{}
    1..$Keys | ForEach-Object { "order:$_" } | Get-RedisKeySlot | ForEach-Object {
        if (-not $lines.ContainsKey($_.Owner)) { $lines[$_.Owner] = [Collections.Generic.List[string]]::new() }
        $lines[$_.Owner].Add("SET $($_.Key) value-of-$($_.Key)")
    }
    foreach ($owner in $lines.Keys) { $null = $lines[$owner] | redis-cli -p $owner.Split(':')[1] }

    # The slots and key counts of every node, and the open slots: -WhatIf and a rejected command must not change them.
    function Get-OwnerMap {
        Get-RedisClusterNode | Sort-Object Endpoint | ForEach-Object { "$($_.Endpoint) $($_.SlotRanges) $($_.KeyCount)" }
        Get-RedisOpenSlot | Out-String
    }
    function Get-OwnerOf([int] $Slot) {
        $owner = Get-RedisClusterNode | Where-Object {
            $_.SlotRanges | Where-Object { [int]($_ -split '-')[0] -le $Slot -and [int]($_ -split '-')[-1] -ge $Slot }
        }
        $owner.Endpoint
    }
    function Get-KeySum { (Get-RedisClusterNode | Measure-Object KeyCount -Sum).Sum }
}

AfterAll {
    Disconnect-RedisCluster
    Exit-Lab
    Remove-Item $env:REDISCLUSTEROPS_JOURNAL -Recurse -Force -ErrorAction SilentlyContinue
    $env:REDISCLUSTEROPS_JOURNAL = $Journal
}

Describe 'New-RedisRebalancePlan | Invoke-RedisRebalance' {
    It 'shows each pair with its slots and keys with -WhatIf, and writes nothing' {
        $before = Get-OwnerMap
        $preview = Invoke-Asked "New-RedisRebalancePlan -Cluster $($Nodes[0]) -UseEmptyMaster | Invoke-RedisRebalance -WhatIf"
        $lines = @($preview.Lines -split '\r?\n' -like 'What if:*')
        $lines.Count | Should -Be 3
        foreach ($move in (New-RedisRebalancePlan -UseEmptyMaster).Moves) {
            $shown = "rebalance: move $($move.SlotCount) slots with $($move.EstimatedKeys) keys from $($move.Source) to $Empty, " +
                "key by key`" on target `"slots $($move.SlotRanges -join ',')`""
            @($lines | Where-Object { $_.Contains($shown) }).Count | Should -Be 1 -Because $shown
        }
        Get-OwnerMap | Should -Be $before
        Get-RedisMigration | Should -BeNullOrEmpty
    }

    It 'prompts once for each pair, and moves only the agreed ones' {
        $asked = Invoke-Asked "Invoke-RedisRebalance -Cluster $($Nodes[0]) -UseEmptyMaster" -Answer 2, 0, 2
        $asked.Errors | Should -BeNullOrEmpty
        $asked.Questions.Count | Should -Be 3
        $asked.Questions | Should -Match 'Perform the operation "rebalance: move 136\d slots with \d+ keys from .* on target "slots \d'
        $asked.Output | Should -HaveCount 1
        $asked.Output[0].SlotCount | Should -BeIn 1365, 1366
        $asked.Questions[1] | Should -Match ([regex]::Escape($asked.Output[0].Source))
        (Undo-RedisSlotMigration -MigrationId $asked.Output[0].MigrationId).SlotRanges | Should -Be $asked.Output[0].SlotRanges
    }

    It 'does not prompt with -Confirm:$false or below $ConfirmPreference, and changes nothing if it can not prompt' {
        $before = Get-OwnerMap
        Invoke-FreshPowerShell "Invoke-RedisRebalance -Cluster $($Nodes[0]) -UseEmptyMaster" '-NonInteractive' | Should -Not -Match 'Moved'
        Get-OwnerMap | Should -Be $before
        $line = "(Invoke-RedisRebalance -Cluster $($Nodes[0]) -UseEmptyMaster -Confirm:`$false | Measure-Object SlotCount -Sum).Sum; " +
            "(Invoke-RedisRebalance -Cluster $($Nodes[0]) @{ '$Empty' = 0 } | Measure-Object SlotCount -Sum).Sum"
        $text = Invoke-FreshPowerShell "`$ConfirmPreference = 'None'; $line" '-NonInteractive'
        [regex]::Matches($text, '(?m)^4096').Count | Should -Be 2
        Get-OwnerMap | Select-Object -First 4 | ForEach-Object { $_ -replace ' \d+$' } | Sort-Object | Should -Not -BeNullOrEmpty
        (Get-RedisClusterNode -Node $Empty).SlotCount | Should -Be 0
        Get-KeySum | Should -Be $Keys
    }

    It 'moves every slot of a plan, keeps every key, and has nothing left to plan' {
        $plan = New-RedisRebalancePlan -UseEmptyMaster
        $results = $plan | Invoke-RedisRebalance -Confirm:$false -InformationVariable shown
        $results | Should -HaveCount $plan.Moves.Count
        foreach ($move in $plan.Moves) {
            ($results | Where-Object Source -eq $move.Source).SlotRanges | Should -Be ($move.SlotRanges -join ',')
        }
        # The way back is on the screen without -Verbose.
        "$shown" | Should -BeLike "*To undo run *: Undo-RedisSlotMigration -MigrationId $($results[0].MigrationId)*"
        @($results.Outcome | Select-Object -Unique) | Should -Be 'Moved'
        @($results.MigrationId | Select-Object -Unique).Count | Should -Be 1
        ($results | Measure-Object KeysMoved -Sum).Sum | Should -Be ($plan.Moves | Measure-Object EstimatedKeys -Sum).Sum
        foreach ($share in $plan.After) {
            (Get-RedisClusterNode -Node $share.Node).SlotRanges -join ',' | Should -Be ($share.SlotRanges -join ',')
        }
        Get-KeySum | Should -Be $Keys
        Test-RedisCluster -Deep | Should -BeTrue
        (New-RedisRebalancePlan -UseEmptyMaster).Moves | Should -BeNullOrEmpty
        $nothing = Invoke-RedisRebalance -UseEmptyMaster -Confirm:$false
        $nothing.Outcome | Should -Be 'Skipped'
        $nothing.Reason | Should -Be 'Nothing to move: every master is within the threshold of its share.'
        $script:Plan = $plan
        $script:Run = $results[0].MigrationId
    }

    It 'rejects the plan once slots have other owners, and names them' {
        $before = Get-OwnerMap
        $message = "*belong to $Empty now, not to *Nothing was changed.*"
        { $Plan | Invoke-RedisRebalance -Confirm:$false } | Should -Throw -ErrorId 'StalePlan,*' -ExpectedMessage $message
        { $Plan | Invoke-RedisRebalance -WhatIf } | Should -Throw -ErrorId 'StalePlan,*'
        Get-OwnerMap | Should -Be $before
    }

    It 'is undone by Undo-RedisSlotMigration -MigrationId' {
        $before = Get-OwnerMap
        $null = Undo-RedisSlotMigration -MigrationId $Run -WhatIf
        Get-OwnerMap | Should -Be $before
        $undone = Get-RedisMigration $Run | Undo-RedisSlotMigration
        @($undone.Outcome | Select-Object -Unique) | Should -Be 'RolledBack'
        foreach ($share in $Plan.Before) {
            (Get-RedisClusterNode -Node $share.Node).SlotRanges -join ',' | Should -Be ($share.SlotRanges -join ',')
        }
        Get-KeySum | Should -Be $Keys
        # The owners match the plan again, so the plan is valid again.
        { $Plan | Invoke-RedisRebalance -WhatIf } | Should -Not -Throw
    }

    It 'writes a plan file without secrets, and carries it out with the current session' {
        $secret = 's3cret-word'
        foreach ($node in $Nodes) { $null = redis-cli -p $node.Split(':')[1] ACL SETUSER operator on ">$secret" '~*' '&*' '+@all' }
        $credential = [pscredential]::new('operator', [Net.NetworkCredential]::new('', $secret).SecurePassword)
        $operator = Connect-RedisCluster $Nodes[0] -Credential $credential
        try {
            $file = Join-Path $TestDrive 'plan.json'
            $plan = New-RedisRebalancePlan -UseEmptyMaster -OutFile $file
            $texts = (Get-Content $file -Raw), ($plan | ConvertTo-Json -Depth 8), (Format-List -InputObject $plan -Property * | Out-String)
            Export-Clixml -InputObject $plan -LiteralPath (Join-Path $TestDrive 'plan.xml') -Depth 5
            $results = Invoke-RedisRebalance -PlanFile $file -Confirm:$false
            ($results | Measure-Object SlotCount -Sum).Sum | Should -Be $plan.SlotCount
            Export-Clixml -InputObject $results[0] -LiteralPath (Join-Path $TestDrive 'result.xml') -Depth 5
            $texts += $results[0] | ConvertTo-Json -Depth 8
            $texts += 'plan.xml', 'result.xml' | ForEach-Object { Get-Content (Join-Path $TestDrive $_) -Raw }
            $texts += Get-Content (Get-RedisMigration $results[0].MigrationId).Path -Raw
            foreach ($text in $texts) { $text | Should -Not -Match $secret }
            ($texts[1] | ConvertFrom-Json).Moves.Count | Should -Be 3
            (Import-Clixml (Join-Path $TestDrive 'result.xml')).Outcome.ToString() | Should -Be 'Moved'
            { Invoke-RedisRebalance -PlanFile $file -Confirm:$false } | Should -Throw -ErrorId 'StalePlan,*'
            $null = Undo-RedisSlotMigration -MigrationId $results[0].MigrationId
            Set-Content $file '{"no": "plan"}'
            { Invoke-RedisRebalance -PlanFile $file -Confirm:$false } | Should -Throw -ErrorId 'InvalidPlanFile,*'
            $missing = Join-Path $TestDrive 'none.json'
            { Invoke-RedisRebalance -PlanFile $missing -Confirm:$false } | Should -Throw -ErrorId 'InvalidPlanFile,*'
        }
        finally {
            Disconnect-RedisCluster
            $null = Connect-RedisCluster $Nodes[0]
        }
        $operator.ToString() | Should -Not -Match $secret
    }
}

Describe 'Move-RedisSlot' {
    It 'moves slots of several owners in one run' {
        $results = Move-RedisSlot 5, 6000, 12000 -Target $Empty
        $results.Slot | Sort-Object | Should -Be 5, 6000, 12000
        @($results.Outcome | Select-Object -Unique) | Should -Be 'Moved'
        @($results.MigrationId | Select-Object -Unique).Count | Should -Be 1
        (Get-RedisClusterNode -Node $Empty).SlotRanges | Should -Be '5', '6000', '12000'
        (Move-RedisSlot 5, 6000, 12000 -Target $Empty).Outcome | Should -Be 'Skipped'
    }

    It 'drains a master' {
        $results = Move-RedisSlot -Source $Empty -Target $Full[0]
        $results.Slot | Sort-Object | Should -Be 5, 6000, 12000
        (Get-RedisClusterNode -Node $Empty).SlotCount | Should -Be 0
    }

    It 'takes slots and targets from the pipeline, one run per target' {
        $other = @($Full | Where-Object { $_ -ne (Get-OwnerOf 21) })[0]
        $results = 'order:1', 'order:2' | Get-RedisKeySlot | Move-RedisSlot -Target $Empty
        $results.Slot | Sort-Object | Should -Be ('order:1', 'order:2' | Get-RedisKeySlot | ForEach-Object Slot | Sort-Object)
        @($results.MigrationId | Select-Object -Unique).Count | Should -Be 1
        $requests = @{ Slot = 20; Target = $Empty }, @{ Slot = 21; Target = $other }, @{ Slot = 22; Target = $Empty }
        $results = $requests | ForEach-Object { [pscustomobject]$_ } | Move-RedisSlot
        ($results | Where-Object Target -eq $Empty).Slot | Sort-Object | Should -Be 20, 22
        ($results | Where-Object Target -eq $other).Slot | Should -Be 21
    }

    It 'takes a number of slots, from each source in proportion' {
        $preview = Invoke-Asked "Move-RedisSlot -Count 300 -Source * -Target $Empty -Cluster $($Nodes[0]) -WhatIf"
        @($preview.Lines -split '\r?\n' -like 'What if:*').Count | Should -Be 3
        $preview.Lines -join "`n" | Should -BeLike "*many slots in one transaction*. other masters*"
        $before = (Get-RedisClusterNode -Node $Empty).SlotCount
        $results = Move-RedisSlot -Count 30 -Source $Full[1], $Full[2] -Target $Empty
        $results.SlotCount | Should -Be 15, 15
        (Get-RedisClusterNode -Node $Empty).SlotCount | Should -Be ($before + 30)
        Get-KeySum | Should -Be $Keys
    }

    It 'prompts only with -Confirm, once for each pair' {
        $slots = foreach ($one in (Get-RedisClusterNode -Node $Full[0], $Full[1]).SlotRanges) { ($one -split '-')[-1] }
        $asked = Invoke-Asked "Move-RedisSlot $($slots -join ',') -Target $Empty -Cluster $($Nodes[0]) -Confirm" -Answer 2, 2
        $asked.Errors | Should -BeNullOrEmpty
        $asked.Questions.Count | Should -Be 2
        $asked.Output | Should -BeNullOrEmpty
    }

    It 'rejects an open slot, and leaves it unchanged' {
        Invoke-Wedge -Slot 1500
        { Move-RedisSlot 1500 -Target $Empty } | Should -Throw -ErrorId 'SlotStateUnsuitable,*'
        (Get-RedisOpenSlot 1500).State | Should -Be 'Migrating'
        $null = Undo-RedisSlotMigration 1500
        foreach ($key in (Get-RedisSlotKey 1500).Name) { $null = redis-cli -c -p $Full[0].Split(':')[1] DEL $key }
        Get-RedisOpenSlot | Should -BeNullOrEmpty
    }
}

Describe 'A run that ends early' {
    It 'leaves slots in known states once Select-Object -First has enough, and can be resumed' {
        $plan = New-RedisRebalancePlan -UseEmptyMaster -Threshold 0
        $first = $plan | Invoke-RedisRebalance -MaxKeysPerSecond 400 -PerSlot -Confirm:$false | Select-Object -First 1
        $first | Should -BeOfType RedisClusterOps.RedisSlotMoveResult
        $first.SlotCount | Should -Be 1
        $first.Outcome | Should -Be 'Moved'
        $run = Get-RedisMigration $first.MigrationId
        $run.State | Should -Be 'Stopped'
        $run.IsResumable | Should -BeTrue
        $run.SlotsLeft | Should -BeGreaterThan 0
        # A stop hands over what it can within two seconds.
        $open = @(Get-RedisOpenSlot)
        $open | ForEach-Object { $_.State | Should -BeIn 'Migrating', 'Drained' }
        Get-KeySum | Should -Be $Keys

        $results = $run | Resume-RedisMigration
        ($results | Measure-Object SlotCount -Sum).Sum | Should -Be $run.SlotsLeft
        @($results.Outcome | Select-Object -Unique) | Should -Be 'Moved'
        # What another run has finished is no longer left.
        $run = Get-RedisMigration $run.Id
        ($run.State, $run.SlotsLeft, $run.IsResumable) | Should -Be 'Stopped', 0, $false
        Get-RedisOpenSlot | Should -BeNullOrEmpty
        (New-RedisRebalancePlan -UseEmptyMaster -Threshold 0).Moves | Should -BeNullOrEmpty
        Get-KeySum | Should -Be $Keys
    }
}

Describe 'A run with a time limit' {
    It 'leaves no slot open, names its resume once, and continues the next nights beside an application' {
        $null = Move-RedisSlot -Source $Empty -Target $Full[0]
        $application = Start-ThreadJob {
            Import-Module $using:ModulePath
            Measure-RedisClusterClient -Cluster ($using:Full)[1] -Write -Duration 60s -Interval 500ms
        }
        try {
            while (-not (Receive-Job $application -Keep)) { Start-Sleep -Milliseconds 50 }
            $line = "Invoke-RedisRebalance -Cluster $($Nodes[0]) -UseEmptyMaster -MaxKeysPerSecond 200 -Until 1s -Confirm:`$false"
            $left = 16384
            foreach ($night in 1, 2) {
                $seen = Invoke-Asked "$line 3>&1"
                $seen.Errors | Should -BeNullOrEmpty
                $warning = @($seen.Output | Where-Object { $_ -is [Management.Automation.WarningRecord] })
                $warning | Should -HaveCount 1
                $run = Get-RedisMigration | Select-Object -First 1
                $run.State | Should -Be 'Stopped'
                $shown = 'The time for the run was over. Of * slots * are done, * unchanged. No key is lost. Next: ' +
                    "Resume-RedisMigration -Id $($run.Id)"
                $warning[0].Message | Should -BeLike $shown
                $skipped = $seen.Output | Where-Object { $_.Outcome -eq 'Skipped' }
                ($skipped | Measure-Object SlotCount -Sum).Sum | Should -Be $run.SlotsLeft
                $run.SlotsLeft | Should -BeGreaterThan 0
                $run.SlotsLeft | Should -BeLessThan $left
                Get-RedisOpenSlot | Should -BeNullOrEmpty
                $left = $run.SlotsLeft
                $line = "Resume-RedisMigration -Id $($run.Id) -Cluster $($Nodes[0]) -MaxKeysPerSecond 200 -Until 1s"
            }
            (Resume-RedisMigration).Outcome | Select-Object -Unique | Should -Be 'Moved'
            $felt = @(Receive-Job $application -Keep)
        }
        finally {
            Stop-Job $application
            Remove-Job $application -Force
        }
        ($felt | Measure-Object LostWrites -Sum).Sum | Should -Be 0
        ($felt | Measure-Object Errors -Sum).Sum | Should -Be 0
        ($felt | Measure-Object Operations -Sum).Sum | Should -BeGreaterThan 100
        (Get-RedisClusterNode -Node $Empty).SlotCount | Should -BeGreaterThan 4000
        Get-KeySum | Should -Be $Keys
    }

    It 'is refused if the time is over, before anything is touched' {
        { Move-RedisSlot 5 -Target $Empty -Until ((Get-Date).AddSeconds(-1)) } | Should -Throw '*is in the past*Nothing was changed.'
    }
}

Describe 'A master that loses its last slot' {
    BeforeAll {
        foreach ($node in $Nodes) { $null = redis-cli -p $node.Split(':')[1] CONFIG SET cluster-allow-replica-migration yes }
        $script:Drain = "Move-RedisSlot -Cluster $($Nodes[0]) -Source $Empty -Target $($Full[0])"
    }
    AfterAll {
        foreach ($node in $Nodes) { $null = redis-cli -p $node.Split(':')[1] CONFIG SET cluster-allow-replica-migration no }
    }

    It 'is a question that -Confirm:$false and -KeepEmptyMaster answer' {
        $asked = Invoke-Asked $Drain -Answer 2
        $asked.Output | Should -BeNullOrEmpty
        $asked.Questions | Should -HaveCount 1
        $asked.Questions[0] | Should -BeLike "$Empty hands over its last slot.*becomes a replica of $($Full[0])*-KeepEmptyMaster keeps it a master*"
        (Get-RedisClusterNode -Node $Empty).SlotCount | Should -BeGreaterThan 4000

        $asked = Invoke-Asked "$Drain -KeepEmptyMaster"
        $asked.Errors | Should -BeNullOrEmpty
        $asked.Questions | Should -BeNullOrEmpty
        $asked.Output.Outcome | Should -Be 'Moved'
        $node = Get-RedisClusterNode -Node $Empty
        "$($node.Role) $($node.SlotCount)" | Should -Be 'Master 0'
        redis-cli -p $Empty.Split(':')[1] CONFIG GET cluster-allow-replica-migration | Should -Contain 'yes'
        Get-KeySum | Should -Be $Keys
    }
}

Describe 'Views of plans and moves' {
    It 'fit 120 columns: <Name>' -ForEach @(
        @{ Name = 'a plan'; Script = { New-RedisRebalancePlan @{ $Full[0] = 3 } }; Shows = 'slots to move' }
        @{ Name = 'its moves'; Script = { (New-RedisRebalancePlan @{ $Full[0] = 3 }).Moves }; Shows = 'SlotRanges' }
        @{ Name = 'its shares'; Script = { (New-RedisRebalancePlan @{ $Full[0] = 3 }).After }; Shows = 'Share' }
    ) {
        $lines = & $Script | Out-String -Width 120 -Stream | Where-Object { $_.Trim() }
        $lines | ForEach-Object { $_.TrimEnd().Length } | Measure-Object -Maximum | ForEach-Object Maximum | Should -BeLessOrEqual 120
        $lines -join "`n" | Should -Match ([regex]::Escape($Shows))
    }
}
