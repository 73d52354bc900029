# What a script author types without reading the help, and what used to be taken for something else.

BeforeAll {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    Import-Module (Join-Path $Repository 'out/RedisClusterOps')
    $script:Journal = $env:REDISCLUSTEROPS_JOURNAL
    $env:REDISCLUSTEROPS_JOURNAL = Join-Path ([IO.Path]::GetTempPath()) "redisclusterops-pester-guesses-$PID"
    $script:Nodes = Enter-Lab
    $null = Connect-RedisCluster $Nodes[0]
    $script:Port = $Nodes | ForEach-Object { $_.Split(':')[1] }
    $script:Empty = (Get-RedisClusterNode | Where-Object SlotCount -eq 0).Endpoint
    $script:Full = @((Get-RedisClusterNode | Where-Object SlotCount -gt 0).Endpoint)
}

AfterAll {
    Disconnect-RedisCluster
    Exit-Lab
    Remove-Item $env:REDISCLUSTEROPS_JOURNAL -Recurse -Force -ErrorAction SilentlyContinue
    $env:REDISCLUSTEROPS_JOURNAL = $Journal
}

Describe 'Slots' {
    BeforeAll { foreach ($slot in 301, 302, 305) { Invoke-Wedge -Slot $slot -Key 4 -Moved 2 } }
    AfterAll { $null = Get-RedisOpenSlot | Undo-RedisSlotMigration }

    It 'are selected by <Name>' -ForEach @(
        @{ Name = 'a number'; Script = { Get-RedisOpenSlot -Slot 301 }; Slots = 301 }
        @{ Name = 'a range'; Script = { Get-RedisOpenSlot -Slot 0-303 }; Slots = 301, 302 }
        @{ Name = 'a list of both as text'; Script = { Get-RedisOpenSlot '301,303-400' }; Slots = 301, 305 }
        @{ Name = 'a list of both'; Script = { Get-RedisOpenSlot 301, 303-400 }; Slots = 301, 305 }
        @{ Name = 'a range of PowerShell'; Script = { Get-RedisOpenSlot 300..303 }; Slots = 301, 302 }
        @{ Name = 'the pipeline'; Script = { 301, '302-305' | Get-RedisOpenSlot }; Slots = 301, 302, 305 }
        @{ Name = 'the ranges of a node'; Script = { Get-RedisClusterNode $Nodes[0] | Get-RedisOpenSlot }; Slots = 301, 302, 305 }
        @{ Name = 'objects'; Script = { Get-RedisOpenSlot 301-302 | Get-RedisOpenSlot }; Slots = 301, 302 }
        @{ Name = 'objects from JSON'
            Script = { Get-RedisOpenSlot 301-302 | ConvertTo-Json | ConvertFrom-Json | Get-RedisOpenSlot }; Slots = 301, 302
        }
    ) {
        (& $Script).Slot | Should -Be $Slots
    }

    It 'are taken by every cmdlet: <_>' -ForEach @(
        'Complete-RedisSlotMigration 301-302', 'Undo-RedisSlotMigration 301-302', 'Restart-RedisSlotMigration 301-302'
        'Repair-RedisCluster 301-302', 'Move-RedisSlotKey 301-302', 'Start-RedisSlotMigration 303-304 -Target EMPTY'
        'Move-RedisSlot 303-304 -Target EMPTY'
    ) {
        $empty = (Get-RedisClusterNode | Where-Object SlotCount -eq 0).Endpoint
        & ([scriptblock]::Create($_.Replace('EMPTY', $empty) + ' -WhatIf -ErrorVariable script:failures -ErrorAction SilentlyContinue'))
        $failures | Should -BeNullOrEmpty
    }

    It 'that are none are one clear error: <_>' -ForEach "'x'", '16384', "'9-5'", '-1' {
        $failure = { & ([scriptblock]::Create("Get-RedisOpenSlot -Slot $_")) } | Should -Throw -PassThru
        "$failure" | Should -Match 'is not a slot\. Slots are numbers and ranges from 0 to 16383'
    }
}

Describe 'Nodes' {
    It 'are named by <Name>' -ForEach @(
        @{ Name = 'their port'; Script = { Get-RedisClusterNode $Port[1] } }
        @{ Name = 'a host name'; Script = { Get-RedisClusterNode "localhost:$($Port[1])" } }
        @{ Name = 'their id'; Script = { Get-RedisClusterNode (Get-RedisClusterNode $Nodes[1]).Id } }
        @{ Name = 'an object of the pipeline'; Script = { Get-RedisClusterNode $Nodes[1] | Get-RedisClusterNode } }
    ) {
        (& $Script).Endpoint | Should -Be $Nodes[1]
    }

    It 'are sources and targets by port, host name and object' {
        $empty = (Get-RedisClusterNode | Where-Object SlotCount -eq 0)
        foreach ($name in $empty.Port, "localhost:$($empty.Port)", $empty) {
            (Move-RedisSlot 300 -Target $name).Outcome | Should -Be 'Moved'
            (Undo-RedisSlotMigration -MigrationId (Get-RedisMigration)[0].Id).Outcome | Should -Be 'RolledBack'
        }
        (Get-RedisSlotKey 300 -Node $Port[0] -ErrorVariable failures) | Should -BeNullOrEmpty
        $failures | Should -BeNullOrEmpty
    }

    It 'that are piped select their links' {
        $links = Get-RedisClusterNode $Nodes[1] | Measure-RedisClusterLink -Count 1
        @($links | Where-Object Kind -eq ClientToNode).Target | Should -Be $Nodes[1]
    }
}

Describe 'Clusters' {
    It 'are taken from the pipeline by <_>' -ForEach @(
        'Get-RedisClusterInfo', 'Get-RedisClusterHealth', 'Get-RedisClusterNode', 'New-RedisRebalancePlan', 'Show-RedisSlotMap'
    ) {
        $seen = $Nodes[2] | & $_
        @($seen)[0].Cluster.ToString() | Should -Be $Nodes[2]
    }

    It 'of a piped object are its own' {
        $node = Get-RedisClusterNode $Nodes[1] -Cluster $Nodes[2]
        ($node | Get-RedisClusterInfo).Cluster.ToString() | Should -Be $Nodes[2]
        ($node | ConvertTo-Json -Depth 4 | ConvertFrom-Json | Get-RedisClusterInfo).Cluster.ToString() | Should -Be $Nodes[2]
    }

    It 'complete from the sessions of this runspace, and a session keeps its login' {
        $null = redis-cli -p $Port[0] ACL SETUSER guest on '>word' '~*' '+@all'
        $login = [pscredential]::new('guest', [Net.NetworkCredential]::new('', 'word').SecurePassword)
        $null = Connect-RedisCluster "$($Nodes[0]),$($Nodes[1])" -Credential $login -ErrorAction SilentlyContinue
        $null = Connect-RedisCluster $Nodes[0]
        $line = 'Get-RedisClusterInfo -Cluster '
        $texts = (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText
        $texts | Should -Contain $Nodes[0]
        $texts | Should -Not -Contain 'word'
    }
}

Describe 'Nothing to do' {
    It 'is said by <_>' -ForEach @(
        'Repair-RedisCluster -Confirm:$false', 'Invoke-RedisRebalance -Confirm:$false', 'Resume-RedisMigration'
        'Move-RedisSlot 1 -Target OWNER'
    ) {
        $result = & ([scriptblock]::Create($_.Replace('OWNER', $Nodes[0])))
        @($result) | Should -HaveCount 1
        $result.Outcome | Should -Be 'Skipped'
        $result.SlotCount | Should -Be 0
        $result.Reason | Should -Match '^Nothing to (do|move|resume): '
        $result.Cluster | Should -Not -BeNullOrEmpty
    }
}

Describe 'Options' {
    It 'that redis-cli users type are taken: <_>' -ForEach @(
        'Invoke-RedisRebalance -UseEmptyMasters -WhatIf', 'Invoke-RedisRebalance -UseEmptyMaster -Pipeline 100 -WhatIf'
        'New-RedisRebalancePlan -UseEmptyMasters', 'Move-RedisSlot 300 -Target EMPTY -Pipeline 10 -WhatIf'
        'Repair-RedisCluster -Pipeline 10 -WhatIf', 'Move-RedisSlot -From OWNER -To EMPTY -Count 2 -WhatIf'
        'Connect-RedisCluster -ComputerName OWNER', 'Connect-RedisCluster -Server OWNER'
    ) {
        $name = $_
        { & ([scriptblock]::Create($name.Replace('EMPTY', $Empty).Replace('OWNER', $Nodes[0]))) } | Should -Not -Throw
    }

    It 'are no unintended abbreviations of common parameters: <_>' -ForEach @(
        'Complete-RedisSlotMigration', 'Invoke-RedisRebalance', 'Move-RedisSlot', 'Move-RedisSlotKey', 'Repair-RedisCluster'
        'Resume-RedisMigration', 'Undo-RedisSlotMigration'
    ) {
        # The options of redis-cli --cluster, and every parameter of this module.
        $words = 'from', 'to', 'slots', 'yes', 'timeout', 'pipeline', 'replace', 'weight', 'use-empty-masters', 'simulate', 'threshold',
            'copy', 'search-multiple-owners', 'fix-with-unreachable-masters' | ForEach-Object { $_.Replace('-', '') }
        $common = [Management.Automation.PSCmdlet]::CommonParameters + [Management.Automation.PSCmdlet]::OptionalCommonParameters
        $module = Get-Command -Module RedisClusterOps | ForEach-Object { $_.Parameters.Keys } | Where-Object { $common -notcontains $_ }
        foreach ($set in (Get-Command $_).ParameterSets) {
            $own = $set.Parameters | ForEach-Object { $_.Name; $_.Aliases }
            foreach ($word in @($words) + @($module) | Sort-Object -Unique | Where-Object { $own -notcontains $_ }) {
                @($common | Where-Object { $_ -like "$word*" }) | Should -BeNullOrEmpty -Because "-$word of $($set.Name)"
            }
        }
    }

    It 'of a plan limit it to the moves that help most, and leave masters out' {
        $plan = New-RedisRebalancePlan -UseEmptyMaster -MaxSlots 100
        $plan.SlotCount | Should -Be 100
        $without = New-RedisRebalancePlan -UseEmptyMaster -Exclude $Port[0]
        $without.Moves.Source | Should -Not -Contain $Nodes[0]
        $without.SlotCount | Should -BeGreaterThan 0
        (Invoke-RedisRebalance -UseEmptyMaster -MaxSlots 3 -Confirm:$false).Outcome | Select-Object -Unique | Should -Be 'Moved'
        (Undo-RedisSlotMigration -MigrationId (Get-RedisMigration)[0].Id).Outcome | Select-Object -Unique | Should -Be 'RolledBack'
    }
}

Describe 'A plan' {
    It 'takes weights as numbers or text, by address or id, and writes nothing to the cluster' {
        $written = Get-WriteCount $Nodes
        $half = Get-RedisClusterNode $Full[1]
        $plan = New-RedisRebalancePlan @{ $Full[0] = 0; $half.Id = '0.5' } -UseEmptyMaster -Threshold 0 -Method KeyByKey
        ($plan.Before | Where-Object Node -eq $Full[0]).Weight | Should -Be 0
        ($plan.Before | Where-Object Node -eq $Full[1]).Weight | Should -Be 0.5
        ($plan.After | Where-Object Node -eq $Full[0]).SlotCount | Should -Be 0
        ($plan.After | Where-Object Node -eq $Full[1]).SlotCount | Should -Be ([Math]::Round(16384 * 0.5 / 2.5))
        $plan.Cluster | Should -Not -BeNullOrEmpty
        Get-WriteCount $Nodes | Should -Be $written
    }

    It 'writes to -OutFile the plan that it returns' {
        $file = Join-Path $TestDrive 'same.json'
        $plan = New-RedisRebalancePlan -UseEmptyMaster -By Slots -OutFile $file
        $written = Get-Content $file -Raw | ConvertFrom-Json
        $plan.SlotCount | Should -Be 4096
        $written.fingerprint | Should -Be $plan.Fingerprint
        $moves = $written.moves | ForEach-Object { "$($_.sourceId) $($_.targetId) $($_.slots)" }
        $moves | Should -Be ($plan.Moves | ForEach-Object { "$($_.SourceId) $($_.TargetId) $($_.SlotRanges -join ',')" })
    }

    It 'rejects an invalid argument: <Line>' -ForEach @(
        @{ Line = "New-RedisRebalancePlan @{ 'unknown:1' = 2 }"; Id = 'NodeNotFound' }
        @{ Line = "Invoke-RedisRebalance @{ 'unknown:1' = 2 } -WhatIf"; Id = 'NodeNotFound' }
        @{ Line = 'Invoke-RedisRebalance @{ NODE = -1 } -WhatIf'; Id = 'InvalidArgument' }
        @{ Line = "Invoke-RedisRebalance @{ NODE = 'much' } -WhatIf"; Id = 'InvalidArgument' }
        @{ Line = 'New-RedisRebalancePlan @{ NODE = $null }'; Id = 'InvalidArgument' }
        @{ Line = "New-RedisRebalancePlan -OutFile '/no/such/folder/plan.json'"; Id = 'InvalidPlanFile' }
        @{ Line = 'Invoke-RedisRebalance -UseEmptyMaster -Method Atomic -WhatIf'; Id = 'InvalidArgument' }
        @{ Line = 'Invoke-RedisRebalance -UseEmptyMaster -Cluster 127.0.0.1:1 -WhatIf'; Id = 'ConnectionFailed' }
    ) {
        $failure = [scriptblock]::Create($Line.Replace('NODE', "'$($Full[0])'")) | Should -Throw -ErrorId "$Id,*" -PassThru
        $failure.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        $shares = (New-RedisRebalancePlan @{ $Full[0] = 2 }).After
        ($shares | Where-Object Node -eq $Full[0]).SlotCount | Should -Be 8192
    }
}

Describe 'A move' {
    It 'rejects an invalid request and changes nothing: <Line>' -ForEach @(
        @{ Line = 'Move-RedisSlot 5 -Target unknown:1'; Id = 'NodeNotFound' }
        @{ Line = "Move-RedisSlot 5 -Target ''"; Id = 'ParameterArgumentValidationErrorEmptyStringNotAllowed' }
        @{ Line = 'Move-RedisSlot SLOT -Source EMPTY -Target FULL'; Id = 'SlotNotOwned' }
        @{ Line = 'Move-RedisSlot -Count 16000 -Source EMPTY -Target FULL'; Id = 'InvalidArgument' }
        @{ Line = 'Move-RedisSlot -Source FULL -Target FULL'; Id = 'InvalidArgument' }
        @{ Line = 'Move-RedisSlot 1000 -Method Atomic -Target EMPTY'; Id = 'InvalidArgument' }
        @{ Line = 'Move-RedisSlot 16384 -Target EMPTY'; Id = 'ParameterArgumentTransformationError' }
        @{ Line = 'Move-RedisSlot -Slot 1 -Count 2 -Source FULL -Target EMPTY'; Id = 'AmbiguousParameterSet' }
        @{ Line = 'Move-RedisSlot -Target EMPTY'; Id = 'MissingMandatoryParameter' }
    ) {
        $slot = ((Get-RedisClusterNode -Node $Full[1]).SlotRanges[-1] -split '-')[-1]
        $written = Get-WriteCount $Nodes
        $script = $Line.Replace('SLOT', $slot).Replace('EMPTY', $Empty).Replace('FULL', $Full[0])
        [scriptblock]::Create($script) | Should -Throw -ErrorId "$Id,*"
        Get-WriteCount $Nodes | Should -Be $written
    }

    It 'is a terminating error if the journal is no folder, and leaves no run in progress' {
        $file = Join-Path $TestDrive 'file'
        Set-Content $file 'not a folder'
        $journal = Join-Path $file 'runs'
        { Move-RedisSlot 1 -Target $Full[2] -JournalPath $journal -ErrorAction Stop } | Should -Throw -ErrorId 'JournalUnavailable,*'
        Get-RedisMigration -Running | Should -BeNullOrEmpty
    }
}
