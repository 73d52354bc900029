BeforeAll {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    Import-Module (Join-Path $Repository 'out/RedisClusterOps')
    $script:Nodes = Enter-Lab
    $script:Standalone = Enter-Server @()
    $script:Protected = Enter-Server @('--cluster-enabled', 'yes', '--requirepass', 'right')
    function Get-Failure([scriptblock] $Script) {
        try { $null = & $Script; 'no error' } catch { $_ }
    }
    function ConvertTo-Credential([string] $Name, [string] $Word) {
        $secret = New-Object securestring
        $Word.ToCharArray() | ForEach-Object { $secret.AppendChar($_) }
        New-Object pscredential($Name, $secret)
    }
}

AfterAll {
    Disconnect-RedisCluster
    Exit-Server $Standalone
    Exit-Server $Protected
    Exit-Lab
}

Describe 'Connect-RedisCluster' {
    AfterEach { Disconnect-RedisCluster }

    It 'returns a session and makes it current' {
        $session = Connect-RedisCluster $Nodes[0]
        $session | Should -BeOfType RedisClusterOps.RedisClusterSession
        (Get-RedisClusterInfo).KnownNodes | Should -Be 4
        (Get-RedisClusterInfo).Cluster | Should -Be $session.ToString()
    }

    It 'takes <Name>' -ForEach @(
        @{ Name = 'a URL'; Text = { "redis://$($Nodes[0])" } }
        @{ Name = 'several nodes, quoted'; Text = { $Nodes -join ',' } }
        @{ Name = 'a connection string of StackExchange.Redis'; Text = { "$($Nodes[0]),abortConnect=false,connectTimeout=2000" } }
    ) {
        (Get-RedisClusterInfo -Cluster (& $Text)).State | Should -Be 'ok'
    }

    It 'takes several nodes without quotes' {
        (Get-RedisClusterInfo -Cluster $Nodes[0], $Nodes[1]).State | Should -Be 'ok'
        (Connect-RedisCluster $Nodes[0], $Nodes[1]).Seeds.Count | Should -Be 2
    }

    It 'is current in its runspace only' {
        $null = Connect-RedisCluster $Nodes[0]
        $other = [PowerShell]::Create()
        try {
            $module = Join-Path $Repository 'out/RedisClusterOps'
            $null = $other.AddScript("Import-Module '$module'; Get-RedisClusterInfo -ErrorAction SilentlyContinue").Invoke()
            $other.Streams.Error[0].FullyQualifiedErrorId | Should -BeLike 'NoCluster,*'
        }
        catch [Management.Automation.RuntimeException] {
            $_.FullyQualifiedErrorId | Should -BeLike '*NoCluster*'
        }
        finally { $other.Dispose() }
    }

    It 'leaves no current cluster after Disconnect-RedisCluster; the error names the cmdlet that connects' {
        $null = Connect-RedisCluster $Nodes[0]
        Disconnect-RedisCluster
        $failure = Get-Failure { Get-RedisOpenSlot }
        $failure.FullyQualifiedErrorId | Should -BeLike 'NoCluster,*'
        $failure.ErrorDetails.RecommendedAction | Should -Match 'Connect-RedisCluster'
    }

    It 'is the default for -Cluster $null' {
        $session = Connect-RedisCluster $Nodes[0]
        (Get-RedisClusterInfo -Cluster $null).Cluster | Should -Be $session.ToString()
    }

    It 'rejects <_> in -Cluster without repeating a password' -ForEach 'host:99999', 'host:1,colour=blue', 'redis://user:wr0ng@host:1?x=y' {
        $text = $_
        $failure = Get-Failure { Get-RedisClusterInfo -Cluster $text }
        $failure.FullyQualifiedErrorId | Should -BeLike 'InvalidConnectionString,*'
        "$failure $($failure.Exception)" | Should -Not -Match 'wr0ng'
    }

    It 'fails with <Id> for <Name>' -ForEach @(
        @{ Id = 'InvalidConnectionString'; Name = 'an invalid port'; Script = { Connect-RedisCluster 'host:99999' } }
        @{ Id = 'InvalidConnectionString'; Name = 'an unknown setting'; Script = { Connect-RedisCluster 'host:1,colour=blue' } }
        @{ Id = 'InvalidConnectionString'; Name = 'a URL with options'; Script = { Connect-RedisCluster 'redis://user:wr0ng@host:1?x=y' } }
        @{ Id = 'ConnectionFailed'; Name = 'a node that does not answer'; Script = { Connect-RedisCluster 127.0.0.1:1 -ConnectTimeout 2s } }
        @{ Id = 'NotAClusterNode'; Name = 'a server without cluster mode'; Script = { Connect-RedisCluster $Standalone.Endpoint } }
        @{ Id = 'AuthenticationFailed'; Name = 'a missing password'; Script = { Connect-RedisCluster $Protected.Endpoint } }
        @{ Id = 'AuthenticationFailed'; Name = 'a wrong password'; Script = {
                Connect-RedisCluster $Protected.Endpoint -Credential (ConvertTo-Credential 'default' 'wr0ng')
            }
        }
        @{ Id = 'AuthenticationFailed'; Name = 'an unknown user'; Script = {
                Connect-RedisCluster $Protected.Endpoint -Credential (ConvertTo-Credential 'unknown' 'wr0ng')
            }
        }
    ) {
        $failure = Get-Failure $Script
        $failure.FullyQualifiedErrorId | Should -Be "$Id,RedisClusterOps.Commands.ConnectRedisClusterCommand"
        $failure.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        ($failure | Format-List * -Force | Out-String) | Should -Not -Match 'wr0ng'
        (Get-Failure { Get-RedisClusterInfo }).FullyQualifiedErrorId | Should -BeLike 'NoCluster,*'
    }

    It 'logs in with the password of requirepass as user default' {
        $session = Connect-RedisCluster $Protected.Endpoint -Credential (ConvertTo-Credential 'default' 'right')
        (Get-RedisClusterInfo).KnownNodes | Should -Be 1
        $session | ConvertTo-Json -Depth 5 | Should -Not -Match '"right"'
        $session | Format-List * -Force | Out-String | Should -Not -Match '\bright\b'
    }

    It 'advises to omit a password that the server does not need' {
        $failure = Get-Failure { Connect-RedisCluster $Nodes[0] -Credential (ConvertTo-Credential 'default' 'wr0ng') }
        $failure.FullyQualifiedErrorId | Should -BeLike 'AuthenticationFailed,*'
        $failure.ErrorDetails.RecommendedAction | Should -Match 'without user name and password'
    }

    It 'warns that certificates are not verified' {
        $quiet = @{ WarningVariable = 'script:warnings'; WarningAction = 'SilentlyContinue' }
        $null = Get-Failure { Connect-RedisCluster $Nodes[0] -SkipCertificateCheck -ConnectTimeout 1s @quiet }
        $warnings | Should -HaveCount 1
    }
}

Describe 'Get-RedisClusterNode' {
    BeforeAll { $null = Connect-RedisCluster $Nodes[0] }

    It 'streams every node' {
        @(Get-RedisClusterNode).Count | Should -Be 4
        @(Get-RedisClusterNode | Select-Object -First 1).Count | Should -Be 1
        @(Get-RedisClusterNode -Role Replica).Count | Should -Be 0
    }

    It 'continues after a name that matches no node' {
        $found = Get-RedisClusterNode unknown:1, $Nodes[1] -ErrorAction SilentlyContinue -ErrorVariable missing
        $found.Endpoint | Should -Be $Nodes[1]
        $missing.FullyQualifiedErrorId | Should -BeLike 'NodeNotFound,*'
        $missing.TargetObject | Should -Be 'unknown:1'
        $found = Get-RedisClusterNode $Nodes[1], 127.0.0.1:*
        $found[0].Endpoint | Should -Be $Nodes[1]
        $found.Endpoint | Sort-Object | Should -Be ($Nodes | Sort-Object) -Because 'a node that matches two names is written once'
    }

    It 'takes wildcards and id prefixes' {
        @(Get-RedisClusterNode 127.0.0.1:*).Count | Should -Be 4
        $id = (Get-RedisClusterNode $Nodes[2]).Id
        (Get-RedisClusterNode $id.Substring(0, 12)).Endpoint | Should -Be $Nodes[2]
    }
}

Describe 'Get-RedisKeySlot' {
    It 'needs no cluster' {
        Disconnect-RedisCluster
        $key = 'user:loadtest_user_33:reservations' | Get-RedisKeySlot
        $key.Slot | Should -Be 5519
        $key.Owner | Should -BeNullOrEmpty
        $key.HashTag | Should -BeNullOrEmpty
        ('{a}b' | Get-RedisKeySlot).Slot | Should -Be 15495
        ('{a}b' | Get-RedisKeySlot).HashTag | Should -Be 'a'
        ('' | Get-RedisKeySlot).Slot | Should -Be 0
    }

    It 'gets the owner if a cluster is specified' {
        (Get-RedisKeySlot '{a}b' -Cluster $Nodes[0]).Owner | Should -BeIn $Nodes
    }
}
