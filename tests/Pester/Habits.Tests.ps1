BeforeAll {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    $script:ModulePath = Join-Path $Repository 'out/RedisClusterOps'
    Import-Module $ModulePath
    $script:Journal = $env:REDISCLUSTEROPS_JOURNAL
    $env:REDISCLUSTEROPS_JOURNAL = Join-Path ([IO.Path]::GetTempPath()) "redisclusterops-pester-habits-$PID"
    $script:Nodes = Enter-Lab
    $script:Secret = 's3cret-word'
    foreach ($node in $Nodes) { $null = redis-cli -p $node.Split(':')[1] ACL SETUSER operator on ">$Secret" '~*' '&*' '+@all' }
    $script:Credential = [pscredential]::new('operator', [Net.NetworkCredential]::new('', $Secret).SecurePassword)
    $script:Session = Connect-RedisCluster $Nodes[0] -Credential $Credential
    $script:Empty = (Get-RedisClusterNode | Where-Object SlotCount -eq 0).Endpoint

    # Runs a script in a PowerShell of its own in this process, and returns what went into each of its streams.
    function Invoke-Apart([string] $Script) {
        $shell = [powershell]::Create()
        try {
            $output = $shell.AddScript("Import-Module '$ModulePath'; " + $Script).Invoke()
            [pscustomobject]@{
                Output = @($output); Errors = @($shell.Streams.Error); Warnings = @($shell.Streams.Warning); Progress = @($shell.Streams.Progress)
                Verbose = @($shell.Streams.Verbose | ForEach-Object Message); Debug = @($shell.Streams.Debug | ForEach-Object Message)
            }
        }
        finally { $shell.Dispose() }
    }
}

AfterAll {
    Disconnect-RedisCluster
    Exit-Lab
    Remove-Item $env:REDISCLUSTEROPS_JOURNAL -Recurse -Force -ErrorAction SilentlyContinue
    $env:REDISCLUSTEROPS_JOURNAL = $Journal
}

Describe 'Streams' {
    It 'show one bar of keys for a slot, at most twice a second, and end it' {
        Invoke-Wedge -Slot 200 -Key 200 -Moved 0
        $clock = [Diagnostics.Stopwatch]::StartNew()
        $seen = Invoke-Apart "Complete-RedisSlotMigration 200 -Cluster $($Nodes[0]) -MaxKeysPerSecond 150 -BatchSize 10"
        $seen.Output.Outcome | Should -Be 'Completed'
        $records = @($seen.Progress | Where-Object Activity -eq 'Complete: slots')
        $records[-1].RecordType | Should -Be 'Completed'
        $running = @($records | Where-Object RecordType -eq 'Processing')
        $running.Count | Should -BeGreaterThan 0
        $running.Count | Should -BeLessOrEqual (2 * $clock.Elapsed.TotalSeconds + 1)
        $running.StatusDescription | Should -Match '^slot 200, \d+ of \d+ keys, \d+ keys/s$'
        $running.ParentActivityId | Select-Object -Unique | Should -Be -1
    }

    It 'show a bar of slots and one of keys below it where there are many, and end both' {
        Invoke-Wedge -Slot 201 -Key 60 -Moved 0
        Invoke-Wedge -Slot 202 -Key 60 -Moved 0
        $seen = Invoke-Apart "Repair-RedisCluster -Cluster $($Nodes[0]) -MaxKeysPerSecond 50 -BatchSize 10 -Confirm:`$false"
        @($seen.Output.Outcome | Select-Object -Unique) | Should -Be 'Repaired'
        $parent = @($seen.Progress | Where-Object { $_.ParentActivityId -eq -1 -and $_.StatusDescription -match ' of 2 slots$' })
        $parent.Count | Should -BeGreaterThan 0
        $child = @($seen.Progress | Where-Object ParentActivityId -eq $parent[0].ActivityId)
        $child[0].StatusDescription | Should -Match '\d+ of \d+ keys'
        foreach ($id in $parent[0].ActivityId, $child[0].ActivityId) {
            @($seen.Progress | Where-Object ActivityId -eq $id)[-1].RecordType | Should -Be 'Completed'
        }
    }

    It 'hold no command unless -Debug asks for it' {
        Invoke-Wedge -Slot 204 -Key 4 -Moved 1
        $seen = Invoke-Apart "Complete-RedisSlotMigration 204 -Cluster $($Nodes[0]) -Verbose"
        $seen.Verbose | Should -Not -BeNullOrEmpty
        $seen.Debug | Should -BeNullOrEmpty
    }

    It 'say each step once with -Verbose, each command with -Debug, and no value and no password' {
        Invoke-Wedge -Slot 203 -Key 20 -Moved 5
        $name = (Get-RedisSlotKey 203 -First 1).Name
        $null = redis-cli -c -p $Nodes[0].Split(':')[1] SET $name 'the-value-itself'
        $line = "`$VerbosePreference = 'Continue'; `$DebugPreference = 'Continue'; Complete-RedisSlotMigration 203 -Cluster 'redis://operator:$Secret@$($Nodes[0])'"
        $seen = Invoke-Apart $line
        $seen.Output.Outcome | Should -Be 'Completed'
        $seen.Verbose | Where-Object { $_ -like 'Slot 203*' } | Group-Object | Where-Object Count -gt 1 | Should -BeNullOrEmpty
        @($seen.Verbose | Where-Object { $_ -like 'Slot 203*' }).Count | Should -BeGreaterThan 1
        $seen.Debug -match 'CLUSTER SETSLOT 203 NODE' | Should -Not -BeNullOrEmpty
        $seen.Debug -match '> AUTH' | Should -Not -BeNullOrEmpty
        ($seen.Debug + $seen.Verbose) -join "`n" | Should -Not -Match "$Secret|the-value-itself"
    }
}

Describe 'Objects' {
    BeforeAll {
        # While a slot is open that would move, there is no plan.
        $plan = New-RedisRebalancePlan -UseEmptyMaster
        Invoke-Wedge -Slot 210 -Key 12 -Moved 2
        Invoke-Wedge -Slot 211 -Key 12 -Moved 2
        $done = Complete-RedisSlotMigration 211
        $script:Objects = @{
            RedisClusterSession = $Session
            RedisClusterNode = @(Get-RedisClusterNode)[0]
            RedisClusterInfo = Get-RedisClusterInfo
            RedisClusterHealth = Test-RedisCluster
            RedisOpenSlot = Get-RedisOpenSlot 210
            RedisSlotKey = Get-RedisSlotKey 210 -First 1 -Detail
            RedisKeySlot = Get-RedisKeySlot 'a'
            RedisKeyMove = Move-RedisSlotKey 210 -First 1
            RedisSlotMigrationResult = $done
            RedisMigration = Get-RedisMigration $done.MigrationId
            RedisRebalancePlan = $plan
        }
    }

    It 'of type <_> become JSON and CLIXML and text, without secrets and without cycles' -ForEach @(
        'RedisClusterSession', 'RedisClusterNode', 'RedisClusterInfo', 'RedisClusterHealth', 'RedisOpenSlot', 'RedisSlotKey', 'RedisKeySlot'
        'RedisKeyMove', 'RedisSlotMigrationResult', 'RedisMigration', 'RedisRebalancePlan'
    ) {
        $object = $Objects[$_]
        $object | Should -BeOfType "RedisClusterOps.$_"
        # A depth at which a cycle would be cut off with a warning.
        $json = $object | ConvertTo-Json -Depth 20 -WarningVariable cut -WarningAction SilentlyContinue
        $cut | Should -BeNullOrEmpty
        $json | ConvertFrom-Json | Should -Not -BeNullOrEmpty
        $file = Join-Path $TestDrive "$_.xml"
        Export-Clixml -InputObject $object -LiteralPath $file -Depth 6
        $copy = Import-Clixml -LiteralPath $file
        $copy.PSTypeNames | Should -Contain "Deserialized.RedisClusterOps.$_"
        $texts = $json, (Get-Content -LiteralPath $file -Raw), ($object | Format-List -Property * -Force | Out-String), ($object | Out-String), ($object | ConvertTo-Csv | Out-String), "$object"
        foreach ($text in $texts) { $text | Should -Not -Match $Secret }
    }

    It 'that came back from a file or a job still name their cluster' {
        $file = Join-Path $TestDrive 'open.xml'
        Get-RedisOpenSlot 210 | Export-Clixml -LiteralPath $file -Depth 4
        $copy = Import-Clixml -LiteralPath $file
        Disconnect-RedisCluster
        try { ($copy | Complete-RedisSlotMigration).Outcome | Should -Be 'Completed' }
        finally { $null = Connect-RedisCluster $Nodes[0] -Credential $Credential }
    }
}

Describe 'Runspaces' {
    It 'have a session each: ForEach-Object -Parallel' -Skip:($PSVersionTable.PSVersion.Major -lt 7) {
        $seen = 1..4 | ForEach-Object -Parallel {
            Import-Module $using:ModulePath
            $none = try { Get-RedisClusterInfo } catch { $_.FullyQualifiedErrorId.Split(',')[0] }
            $null = Connect-RedisCluster ($using:Nodes)[$_ - 1]
            Start-Sleep -Milliseconds 200
            [pscustomobject]@{ Before = $none; Seed = (Get-RedisClusterInfo).Cluster.ToString(); Expected = ($using:Nodes)[$_ - 1] }
        }
        $seen.Before | Should -Be (@('NoCluster') * 4)
        foreach ($one in $seen) { $one.Seed | Should -Be $one.Expected }
        (Get-RedisClusterInfo).Cluster.User | Should -Be 'operator'
    }

    It 'take the session of another: Start-ThreadJob, Start-Job' -Skip:(-not (Get-Command Start-ThreadJob -ErrorAction SilentlyContinue)) {
        $job = Start-ThreadJob { Import-Module $using:ModulePath; (Get-RedisClusterInfo -Cluster $using:Session).Cluster.User }
        $job | Receive-Job -Wait -AutoRemoveJob | Should -Be 'operator'
        # Another process gets a copy: where the cluster is, and not the password.
        $job = Start-Job { Import-Module $using:ModulePath; $env:REDISCLUSTEROPS_JOURNAL = $using:env:REDISCLUSTEROPS_JOURNAL; Get-RedisOpenSlot -Cluster $using:Session; (Get-RedisClusterInfo -Cluster ($using:Nodes)[0]).State }
        $job | Receive-Job -Wait -AutoRemoveJob | Select-Object -Last 1 | Should -Be 'ok'
    }
}

Describe 'Defaults and early ends' {
    It 'come from $PSDefaultParameterValues' {
        $seen = Invoke-Apart "`$PSDefaultParameterValues['*-Redis*:Cluster'] = '$($Nodes[1])'; (Get-RedisClusterInfo).Cluster.ToString(); (Get-RedisKeySlot a).Owner; `$PSDefaultParameterValues['*-Redis*:MaxStall'] = '5ms'; Complete-RedisSlotMigration 1 -WhatIf -ErrorAction SilentlyContinue | Out-Null"
        $seen.Errors | Where-Object { $_.FullyQualifiedErrorId -notlike 'SlotNotOpen,*' } | Should -BeNullOrEmpty
        $seen.Output[0] | Should -Be $Nodes[1]
        $seen.Output[1] | Should -BeIn $Nodes
    }

    It 'leave the next slot alone where Select-Object has enough' {
        Invoke-Wedge -Slot 220 -Key 6 -Moved 2
        Invoke-Wedge -Slot 221 -Key 6 -Moved 2
        $one = Get-RedisOpenSlot 220, 221 | Complete-RedisSlotMigration | Select-Object -First 1
        $one.Slot | Should -Be 220
        (Get-RedisOpenSlot).Slot | Should -Be 221
        (Complete-RedisSlotMigration 221).Outcome | Should -Be 'Completed'
    }
}

Describe 'Cultures' {
    It 'change nothing that is parsed or written: <_>' -ForEach 'de-DE', 'tr-TR' {
        Invoke-Wedge -Slot 230 -Key 40 -Moved 10
        $file = Join-Path $TestDrive "plan-$_.json"
        $script = @"
[cultureinfo]::CurrentCulture = '$_'; [cultureinfo]::CurrentUICulture = '$_'
`$null = CONNECT-REDISCLUSTER $($Nodes[0]) -ConnectTimeout 1.5s
[char]::ToLower([char]'I')
(1.5).ToString()
(Get-RedisOpenSlot 230).State.ToString()
(Get-RedisClusterNode -Role MASTER).Count
(Get-RedisOpenSlot 230 | COMPLETE-REDISSLOTMIGRATION -MaxStall 12.5ms -OnKeyConflict STOP).Outcome.ToString()
(Get-RedisMigration -Cluster $($Nodes[0]))[0].State.ToString()
`$plan = New-RedisRebalancePlan @{ '$($Nodes[0])' = 1.5 } -Threshold 0.5 -OutFile '$file'
`$plan.SlotCount
(New-RedisRebalancePlan @{ '$($Nodes[0])' = '1.5' } -Threshold 0.5).SlotCount
(`$plan.After | Where-Object Node -eq '$($Nodes[0])').Weight.ToString([cultureinfo]::InvariantCulture)
Invoke-RedisRebalance -PlanFile '$file' -WhatIf
"@
        $seen = Invoke-Apart $script
        $seen.Errors | Should -BeNullOrEmpty
        $seen.Output[0] | Should -Be $(if ($_ -eq 'tr-TR') { [char]0x131 } else { [char]'i' })
        $seen.Output[1] | Should -Be '1,5'
        $seen.Output[2] | Should -Be 'Migrating'
        $seen.Output[3] | Should -Be 4
        $seen.Output[4, 5] | Should -Be 'Completed', 'Completed'
        $seen.Output[6] | Should -BeGreaterThan 0
        $seen.Output[7] | Should -Be $seen.Output[6]
        $seen.Output[8] | Should -Be '1.5'
        (Get-Content $file -Raw | ConvertFrom-Json) | Should -Not -BeNullOrEmpty
        # The next round begins as this one did.
        $null = Undo-RedisSlotMigration -MigrationId (Get-RedisMigration)[0].Id
        foreach ($key in (Get-RedisSlotKey 230).Name) { $null = redis-cli -c -p $Nodes[0].Split(':')[1] DEL $key }
    }
}
