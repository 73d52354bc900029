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

            # The alert of a check that is repeated until there is one.
            function Wait-Alert([scriptblock] $Check) {
                foreach ($attempt in 1..300) {
                    $found = & $Check
                    if ($found) { return $found }
                    Start-Sleep -Milliseconds 50
                }
                throw "There was no alert after $attempt checks."
            }
        }
        AfterAll { $null = Get-RedisOpenSlot | Complete-RedisSlotMigration -Confirm:$false }

        It 'alerts after -StuckAfter, from a state file that another process wrote' {
            $state = Join-Path $Folder 'state.json'
            Get-RedisClusterAlert -StatePath $state -StuckAfter 1s | Should -BeNullOrEmpty
            $null = Wait-Alert { Get-RedisClusterAlert -StatePath $state -StuckAfter 1s }
            $shown = Invoke-FreshPowerShell "Get-RedisClusterAlert -Cluster $($Nodes[0]) -StatePath '$state' -StuckAfter 1s"
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
                    Wait-Alert { Get-RedisClusterAlert -Previous $Slot -StuckAfter 1ms } | Export-Clixml $path
                    Import-Clixml $path
                }
            }
        ) {
            $earlier = & $Script
            $alert = Wait-Alert { Get-RedisClusterAlert -Previous $earlier -StuckAfter 1s }
            $alert.Code | Should -Be 'SlotStuck'
            $alert.KeysLeft | Should -Be 12
            $alert.Threshold | Should -Be '00:00:01'
        }

        It 'writes the alerts with -ErrorAction Stop if the state file can not be used, and warns: <Name>' -ForEach @(
            @{ Name = 'no folder'; Path = { Join-Path $Folder 'missing/state.json' } }
            @{ Name = 'another cluster'; Path = {
                    $foreign = Join-Path $Folder 'foreign.json'
                    Set-Content $foreign '{"version":1,"nodeIds":["replaced"],"seen":[]}'
                    $foreign
                }
            }
        ) {
            $ErrorActionPreference = 'Stop'
            $alert = Get-RedisClusterAlert -StatePath (& $Path) -WarningVariable warnings -WarningAction SilentlyContinue
            $alert.Code | Should -Be 'SlotOpen'
            "$warnings" | Should -Match 'This check was not recorded|this check was not recorded'
        }

        It 'rejects other objects, and has an alert if it has no earlier state' {
            { Get-RedisClusterAlert -Previous 5 } | Should -Throw -ErrorId 'InvalidArgument,*'
            $alert = Get-RedisClusterAlert
            $alert.Code | Should -Be 'SlotOpen'
            $alert.Advice | Should -Match '^Complete-RedisSlotMigration -Slot 5519; or Get-RedisClusterAlert -StatePath'
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
        $links = Measure-RedisClusterLink -Count 5 -All
        @($links | Where-Object Kind -eq ClientToNode).Count | Should -Be 4
        @($links | Where-Object Kind -eq NodeToNode).Count | Should -Be 12
        $links | Where-Object Kind -eq ClientToNode | ForEach-Object { $_.Received | Should -Be 5; $_.Mean | Should -BeGreaterThan 0 }
        $links.State | Should -Not -Contain 'Disconnected'
    }

    It 'shows the links between nodes as one summary, unless one has trouble' {
        $links = @(Measure-RedisClusterLink -Count 1)
        $links | Should -HaveCount 5
        ($links | Where-Object Kind -eq NodeToNode).Source | Should -Be '4 nodes'
        ($links | Where-Object Kind -eq NodeToNode).Target | Should -Be '12 links'
    }

    It 'takes nodes, also from the pipeline' {
        @(Measure-RedisClusterLink $Nodes[1] | Where-Object Kind -eq ClientToNode).Target | Should -Be $Nodes[1]
        { Measure-RedisClusterLink unknown } | Should -Throw -ErrorId 'NodeNotFound,*'
    }
}

Describe 'Measure-RedisClusterTraffic' {
    It 'measures every node in each interval, without its own readings' {
        $rows = Measure-RedisClusterTraffic -Interval 100ms -Count 2
        $rows | Should -HaveCount 8
        @($rows.Time | Select-Object -Unique) | Should -HaveCount 2
        $rows.MovedPerSecond | Select-Object -Unique | Should -Be 0
        ($rows | Measure-Object OperationsPerSecond -Sum).Sum | Should -BeLessThan 20
    }

    It 'counts the redirects of clients, which are an alert if they last' {
        $port = $Nodes[0].Split(':')[1]
        $before = Measure-RedisClusterTraffic -Interval 10ms | ConvertTo-Json -Depth 1 -WarningAction SilentlyContinue | ConvertFrom-Json
        # Slot 12182 belongs to the third master.
        @(@('GET foo') * 200 | redis-cli -p $port) -match '^MOVED' | Should -HaveCount 200
        (Measure-RedisClusterTraffic -Interval 10ms $Nodes[0]).MovedReplies | Should -BeGreaterOrEqual 200
        (Get-RedisClusterAlert -Previous $before -MaxMovedPerSecond 10).Code | Should -Be ClientsRedirected
        Get-RedisClusterAlert -Previous $before -MaxMovedPerSecond 1000 | Should -BeNullOrEmpty
    }

    It 'takes nodes from the pipeline, and measures them together' {
        $rows = Get-RedisClusterNode | Select-Object -First 2 | Measure-RedisClusterTraffic -Interval 10ms
        $rows | Should -HaveCount 2
        @($rows.Time | Select-Object -Unique) | Should -HaveCount 1
        { Measure-RedisClusterTraffic unknown } | Should -Throw -ErrorId 'NodeNotFound,*'
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
        Invoke-FreshPowerShell $line '-NonInteractive' | Should -Not -MatchExactly 'OK'
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
