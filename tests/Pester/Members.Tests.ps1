BeforeAll {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    Import-Module (Join-Path $Repository 'out/RedisClusterOps')
    Add-ServerPath
    $script:Journal = $env:REDISCLUSTEROPS_JOURNAL
    $env:REDISCLUSTEROPS_JOURNAL = Join-Path ([IO.Path]::GetTempPath()) "redisclusterops-pester-journal-$PID"
    $cluster = '--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', '--repl-diskless-sync-delay', '0'
    $script:Servers = @(foreach ($number in 1..5) { Enter-Server $cluster })
    $script:Single = Enter-Server
    $script:Nodes = $Servers.Endpoint
    function Get-Line([string] $Node) { (redis-cli -p $Node.Split(':')[1] CLUSTER NODES) -match 'myself' }
}

AfterAll {
    Disconnect-RedisCluster -ErrorAction SilentlyContinue
    $Servers + $Single | ForEach-Object { Exit-Server $_ }
    Remove-Item $env:REDISCLUSTEROPS_JOURNAL -Recurse -Force -ErrorAction SilentlyContinue
    $env:REDISCLUSTEROPS_JOURNAL = $Journal
}

Describe 'Nodes of a cluster, from separate servers on' {
    It 'New-RedisCluster writes nothing with -WhatIf' {
        $before = $Nodes | ForEach-Object { Get-Line $_ }
        New-RedisCluster $Nodes[0..3] -Replica 1 -WhatIf
        $Nodes | ForEach-Object { Get-Line $_ } | Should -Be $before
        Get-RedisMigration | Should -BeNullOrEmpty
    }

    It 'New-RedisCluster names every node that it refuses' {
        $named = { New-RedisCluster $Nodes[0], $Single.Endpoint, '127.0.0.1:1' -Confirm:$false -ErrorAction Stop }
        $named | Should -Throw -ErrorId 'NodeUnsuitable,*' -ExpectedMessage "*$($Single.Endpoint) could not be read*; 127.0.0.1:1 *"
        { New-RedisCluster $Nodes[0] -Replica 1 -Confirm:$false -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument,*'
    }

    It 'New-RedisCluster forms a cluster that every node reports' {
        $formed = New-RedisCluster $Nodes[0..3] -Replica 1 -Confirm:$false
        $formed.State, $formed.Size, $formed.KnownNodes, $formed.SlotsOk | Should -Be 'ok', 2, 4, 16384
        $null = Connect-RedisCluster $Nodes[0]
        (Get-RedisClusterNode $Nodes[2], $Nodes[3]).MasterId | Should -Be (Get-RedisClusterNode $Nodes[0], $Nodes[1]).Id
        (Get-RedisMigration)[0].Commands.Count | Should -Be 14
    }

    It 'New-RedisCluster does not form it again' {
        (New-RedisCluster $Nodes[0..3] -Replica 1 -Confirm:$false).State | Should -Be 'ok'
        { New-RedisCluster $Nodes[0, 4] -Confirm:$false -ErrorAction Stop } | Should -Throw -ErrorId 'NodeUnsuitable,*'
        @(Get-RedisMigration).Count | Should -Be 1
    }

    It 'Add-RedisClusterNode refuses a node with keys, and adds it once it is empty' {
        $port = $Nodes[4].Split(':')[1]
        $null = redis-cli -p $port CLUSTER ADDSLOTSRANGE 0 16383
        while ((redis-cli -p $port SET key value) -ne 'OK') { Start-Sleep -Milliseconds 50 }
        { Add-RedisClusterNode $Nodes[4] -ErrorAction Stop } | Should -Throw -ErrorId 'NodeNotEmpty,*' -ExpectedMessage '*holds 1 key*'
        $null = redis-cli -p $port FLUSHALL
        $null = redis-cli -p $port CLUSTER RESET HARD
        $added = Add-RedisClusterNode $Nodes[4] -ReplicaOf $Nodes[0]
        $added.Endpoint, $added.Role, $added.MasterLinkStatus | Should -Be $Nodes[4], 'Replica', 'up'
    }

    It 'Set-RedisClusterReplica gives a piped node another master, once' {
        $changed = Get-RedisClusterNode $Nodes[4] | Set-RedisClusterReplica -ReplicaOf $Nodes[1]
        $changed.Outcome, $changed.After, $changed.ConfirmedBy | Should -Be 'Changed', "replica of $($Nodes[1])", 5
        (Set-RedisClusterReplica $Nodes[4] $Nodes[1]).Outcome | Should -Be 'Skipped'
        { Set-RedisClusterReplica $Nodes[0] $Nodes[1] -ErrorAction Stop } | Should -Throw -ErrorId 'NodeNotEmpty,*'
        (Get-RedisMigration)[0].Operation | Should -Be 'SetReplica'
        { Resume-RedisMigration (Get-RedisMigration)[0].Id } | Should -Throw -ErrorId 'InvalidArgument,*'
    }

    It 'the change is readable in 80 columns' {
        $text = Set-RedisClusterReplica $Nodes[4] $Nodes[1] | Out-String -Width 80
        ($text -replace '\r?\n\s*').Contains("replica of $($Nodes[1]). Nothing to do") | Should -BeTrue
    }

    It 'Remove-RedisClusterNode leaves no trace of a node that keeps its own view' {
        $null = Get-RedisClusterNode
        $removed = Remove-RedisClusterNode $Nodes[4] -Confirm:$false
        $removed.Outcome, $removed.ConfirmedBy | Should -Be 'Changed', 4
        (redis-cli -p $Nodes[4].Split(':')[1] CLUSTER NODES).Count | Should -Be 5
        (Get-RedisClusterNode).Endpoint | Sort-Object | Should -Be ($Nodes[0..3] | Sort-Object)
        (Get-RedisClusterHealth).Findings | Where-Object { "$($_.Target) $($_.Message) $($_.Advice)".Contains($Nodes[4]) } |
            Should -BeNullOrEmpty
    }
}
