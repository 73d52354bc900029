BeforeAll {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    Import-Module (Join-Path $Repository 'out/RedisClusterOps')
    $script:Nodes = Enter-Lab
    $null = Connect-RedisCluster $Nodes[0]
    $script:Folder = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
    $null = New-Item -ItemType Directory $Folder
}

AfterAll {
    Disconnect-RedisCluster
    Exit-Lab
    Remove-Item $Folder -Recurse -Force
}

Describe 'Get-RedisClusterAlert' {
    It 'writes nothing when all is well' {
        Get-RedisClusterAlert -StatePath (Join-Path $Folder 'well.json') | Should -BeNullOrEmpty
    }

    Context 'with a slot that is stuck' {
        BeforeAll {
            Invoke-Wedge -Slot 5519 -Key 25 -Moved 13
            $script:Slot = Get-RedisOpenSlot
        }
        AfterAll { $null = Get-RedisOpenSlot | Complete-RedisSlotMigration -Confirm:$false }

        It 'alerts after -StuckAfter, from a state file that another process wrote' {
            $state = Join-Path $Folder 'state.json'
            Get-RedisClusterAlert -StatePath $state -StuckAfter 2s | Should -BeNullOrEmpty
            Start-Sleep 3
            $shown = Invoke-FreshPowerShell "Get-RedisClusterAlert -Cluster $($Nodes[0]) -StatePath '$state' -StuckAfter 2s"
            $shown | Should -Match 'Error SlotStuck 5519\s+Stuck at 52 % for at least \d+ s: Migrating, '
            $shown | Should -Match 'Next: Complete-RedisSlotMigration -Slot 5519'
            (Get-RedisOpenSlot -StatePath $state).Since | Should -Not -BeNullOrEmpty
        }

        It 'takes <Name> of an earlier check' -ForEach @(
            @{ Name = 'an open slot'; Script = { $Slot } }
            @{ Name = 'the health'; Script = { Get-RedisClusterHealth } }
            @{ Name = 'an open slot from JSON'; Script = { $Slot | ConvertTo-Json -Depth 3 | ConvertFrom-Json } }
            @{ Name = 'an alert from CLIXML'; Script = {
                    $path = Join-Path $Folder 'alert.xml'
                    Start-Sleep 1
                    Get-RedisClusterAlert -Previous $Slot -StuckAfter 1ms | Export-Clixml $path
                    Import-Clixml $path
                }
            }
        ) {
            $earlier = & $Script
            Start-Sleep 2
            $alert = Get-RedisClusterAlert -Previous $earlier -StuckAfter 1s
            $alert.Code | Should -Be 'SlotStuck'
            $alert.KeysLeft | Should -Be 12
            $alert.Threshold | Should -Be '00:00:01'
        }

        It 'rejects other objects, and warns if it has no earlier state' {
            { Get-RedisClusterAlert -Previous 5 } | Should -Throw -ErrorId 'InvalidArgument,*'
            Get-RedisClusterAlert -WarningVariable warnings -WarningAction SilentlyContinue | Should -BeNullOrEmpty
            $warnings | Should -HaveCount 1
        }

        It 'warns of a damaged file and starts a new one' {
            $state = Join-Path $Folder 'damaged.json'
            Set-Content $state 'not JSON'
            $null = Get-RedisClusterAlert -StatePath $state -WarningVariable warnings -WarningAction SilentlyContinue
            $warnings | Should -HaveCount 1
            Get-Content "$state.damaged" | Should -Be 'not JSON'
            $null = Get-RedisClusterAlert -StatePath $state -WarningVariable warnings -WarningAction SilentlyContinue
            $warnings | Should -HaveCount 0
        }
    }
}

Describe 'Measure-RedisClusterLink' {
    It 'measures every node and lists the links of the cluster bus' {
        $links = Measure-RedisClusterLink -Count 5
        @($links | Where-Object Kind -eq ClientToNode).Count | Should -Be 4
        @($links | Where-Object Kind -eq NodeToNode).Count | Should -Be 12
        $links | Where-Object Kind -eq ClientToNode | ForEach-Object { $_.Received | Should -Be 5; $_.Mean | Should -BeGreaterThan 0 }
        $links.State | Should -Not -Contain 'Disconnected'
    }

    It 'takes nodes, also from the pipeline' {
        @(Measure-RedisClusterLink $Nodes[1] | Where-Object Kind -eq ClientToNode).Target | Should -Be $Nodes[1]
        { Measure-RedisClusterLink unknown } | Should -Throw -ErrorId 'NodeNotFound,*'
    }
}

Describe 'Get-RedisClusterInfo' {
    It 'has the view of each node' {
        $views = (Get-RedisClusterInfo).Views
        $views | Should -HaveCount 4
        $views.SlotsOk | Select-Object -Unique | Should -Be 16384
    }
}

Describe 'Invoke-RedisClusterCommand' {
    It 'gets a typed reply of every node without a prompt if the command only reads' {
        $replies = Invoke-RedisClusterCommand CONFIG GET maxmemory -WhatIf
        $replies.Node | Should -Be ($Nodes | Sort-Object { [int] $_.Split(':')[1] })
        $replies[0].Reply.maxmemory | Should -Be '0'
        (Invoke-RedisClusterCommand DBSIZE)[0].Reply | Should -BeOfType [long]
        (Get-RedisClusterNode)[1] | Invoke-RedisClusterCommand 'CLUSTER MYID' | ForEach-Object Text | Should -Be (Get-RedisClusterNode)[1].Id
    }

    It 'asks before any other command, and the question shows no secret' {
        $line = "Invoke-RedisClusterCommand CONFIG SET masterauth geheim -Cluster $($Nodes[0])"
        Invoke-FreshPowerShell $line '-NonInteractive' | Should -Not -Match 'OK'
        $text = Invoke-FreshPowerShell "$line -WhatIf"
        $text | Should -Match ([regex]::Escape("""CONFIG SET masterauth ***"" on target ""$($Nodes[0])"""))
        $text | Should -Not -Match 'on target.*geheim'
        Invoke-RedisClusterCommand CONFIG GET masterauth | ForEach-Object { $_.Reply.masterauth } | Should -Be @('', '', '', '')
        Invoke-RedisClusterCommand CONFIG SET slowlog-max-len 129 -Node $Nodes[0] -Confirm:$false | ForEach-Object Text | Should -Be 'OK'
    }

    It 'refuses a command that changes slots, and names the cmdlet for it' {
        { Invoke-RedisClusterCommand CLUSTER SETSLOT 5519 STABLE -Confirm:$false } |
            Should -Throw -ErrorId 'CommandRefused,RedisClusterOps.Commands.InvokeRedisClusterCommandCommand'
        $Error[0].ErrorDetails.RecommendedAction | Should -BeLike 'Complete-RedisSlotMigration -Slot 5519*'
    }
}
