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

    # Runs a script in a new runspace of this process, and returns the records of each stream.
    function Invoke-InRunspace([string] $Script) {
        $shell = [powershell]::Create()
        try {
            $output = $shell.AddScript("Import-Module '$ModulePath'; " + $Script).Invoke()
            [pscustomobject]@{
                Output = @($output); Errors = @($shell.Streams.Error)
                Warnings = @($shell.Streams.Warning); Progress = @($shell.Streams.Progress)
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
    It 'show one progress bar of keys for one slot, at most twice per second, and complete it' {
        Invoke-Wedge -Slot 200 -Key 200 -Moved 0
        $clock = [Diagnostics.Stopwatch]::StartNew()
        $seen = Invoke-InRunspace "Complete-RedisSlotMigration 200 -Cluster $($Nodes[0]) -MaxKeysPerSecond 150 -BatchSize 10"
        $seen.Output.Outcome | Should -Be 'Completed'
        $records = @($seen.Progress | Where-Object Activity -eq 'Complete: slots')
        $records[-1].RecordType | Should -Be 'Completed'
        $running = @($records | Where-Object RecordType -eq 'Processing')
        $running.Count | Should -BeGreaterThan 0
        $running.Count | Should -BeLessOrEqual (2 * $clock.Elapsed.TotalSeconds + 1)
        $running.StatusDescription | Should -Match '^slot 200, \d+ of \d+ keys, \d+ keys/s$'
        $running.ParentActivityId | Select-Object -Unique | Should -Be -1
    }

    It 'show a progress bar of slots with one of keys below it for several slots, and complete both' {
        Invoke-Wedge -Slot 201 -Key 60 -Moved 0
        Invoke-Wedge -Slot 202 -Key 60 -Moved 0
        $seen = Invoke-InRunspace "Repair-RedisCluster -Cluster $($Nodes[0]) -MaxKeysPerSecond 50 -BatchSize 10 -Confirm:`$false"
        @($seen.Output.Outcome | Select-Object -Unique) | Should -Be 'Repaired'
        $parent = @($seen.Progress | Where-Object { $_.ParentActivityId -eq -1 -and $_.StatusDescription -match ' of 2 slots$' })
        $parent.Count | Should -BeGreaterThan 0
        $child = @($seen.Progress | Where-Object ParentActivityId -eq $parent[0].ActivityId)
        $child[0].StatusDescription | Should -Match '\d+ of \d+ keys'
        foreach ($id in $parent[0].ActivityId, $child[0].ActivityId) {
            @($seen.Progress | Where-Object ActivityId -eq $id)[-1].RecordType | Should -Be 'Completed'
        }
    }

    It 'contain each step once with -Verbose, each command with -Debug, and neither values nor passwords' {
        Invoke-Wedge -Slot 203 -Key 20 -Moved 5
        $name = (Get-RedisSlotKey 203 -First 1).Name
        $null = redis-cli -c -p $Nodes[0].Split(':')[1] SET $name 'the-value-itself'
        $preferences = "`$VerbosePreference = 'Continue'; `$DebugPreference = 'Continue'; "
        $seen = Invoke-InRunspace ($preferences + "Complete-RedisSlotMigration 203 -Cluster 'redis://operator:$Secret@$($Nodes[0])'")
        $seen.Output.Outcome | Should -Be 'Completed'
        $seen.Verbose | Should -Not -Match '> (AUTH|CLUSTER)' -Because 'commands are only in the debug stream'
        $seen.Verbose | Where-Object { $_ -like 'Slot 203*' } | Group-Object | Where-Object Count -gt 1 | Should -BeNullOrEmpty
        @($seen.Verbose | Where-Object { $_ -like 'Slot 203*' }).Count | Should -BeGreaterThan 1
        $seen.Debug -match 'CLUSTER SETSLOT 203 NODE' | Should -Not -BeNullOrEmpty
        $seen.Debug -match '> AUTH' | Should -Not -BeNullOrEmpty
        ($seen.Debug + $seen.Verbose) -join "`n" | Should -Not -Match "$Secret|the-value-itself"
    }
}

Describe 'Objects' {
    BeforeDiscovery {
        # One test checks that these are all the types that a cmdlet returns.
        $script:Types = @(
            'RedisClusterSession', 'RedisClusterNode', 'RedisClusterInfo', 'RedisClusterHealth', 'RedisOpenSlot', 'RedisSlotKey'
            'RedisKeySlot', 'RedisKeyMove', 'RedisSlotMigrationResult', 'RedisMigration', 'RedisRebalancePlan', 'RedisSlotMoveResult'
            'RedisClusterAlert', 'RedisClusterLink', 'RedisSlotMap', 'RedisKeyConflict', 'RedisClusterTraffic', 'RedisClientSample'
            'RedisCommandReply', 'RedisNodeChange', 'RedisSlotLoad'
        )
    }

    BeforeAll {
        # There is no plan while a slot that would move is open.
        $plan = New-RedisRebalancePlan -UseEmptyMaster
        Invoke-Wedge -Slot 210 -Key 12 -Moved 2
        Invoke-Wedge -Slot 211 -Key 12 -Moved 2
        # A key on both nodes.
        Invoke-Wedge -Slot 212 -Key 3 -Moved 1
        $open = Get-RedisOpenSlot 212
        $both = (Get-RedisSlotKey 212 -First 1).Name
        "ASKING`nSET $both other" | redis-cli -p $open.Target.Split(':')[1] | Out-Null
        $done = Complete-RedisSlotMigration 211
        $script:Objects = @{
            RedisClusterSession = $Session
            RedisClusterNode = @(Get-RedisClusterNode)[0]
            RedisClusterInfo = Get-RedisClusterInfo
            RedisClusterHealth = Get-RedisClusterHealth
            RedisOpenSlot = Get-RedisOpenSlot 210
            RedisSlotKey = Get-RedisSlotKey 210 -First 1 -Detail
            RedisKeySlot = Get-RedisKeySlot 'a'
            RedisKeyMove = Move-RedisSlotKey 210 -First 1
            RedisSlotMigrationResult = $done
            RedisMigration = Get-RedisMigration $done.MigrationId
            RedisRebalancePlan = $plan
            RedisSlotMoveResult = Move-RedisSlot 1 -Target $Nodes[0]
            RedisClusterAlert = @(Get-RedisClusterAlert)[0]
            RedisClusterLink = @(Measure-RedisClusterLink -Count 1)[0]
            RedisSlotMap = Show-RedisSlotMap
            RedisKeyConflict = @(Get-RedisKeyConflict 212)[0]
            RedisClusterTraffic = @(Measure-RedisClusterTraffic -Interval 0.2s)[0]
            RedisClientSample = @(Measure-RedisClusterClient -Duration 1s -Interval 0.5s)[0]
            RedisCommandReply = @(Invoke-RedisClusterCommand CLUSTER INFO)[0]
            # No node lists it.
            RedisNodeChange = Remove-RedisClusterNode ('0' * 40) -Confirm:$false
            # Redis 7.0 does not count it.
            RedisSlotLoad = [RedisClusterOps.RedisSlotLoad]::new().Of($Session)
        }
    }

    AfterAll { $null = Complete-RedisSlotMigration 212 -OnKeyConflict KeepInUse -WarningAction SilentlyContinue }

    It 'are of every type that a cmdlet returns' {
        $returned = (Get-Command -Module RedisClusterOps).OutputType.Type | Where-Object { $_.Namespace -eq 'RedisClusterOps' }
        $returned.Name | Sort-Object -Unique | Should -Be ($Objects.Keys | Sort-Object)
    }

    It 'of type <_> have names in JSON, CSV and CLIXML, of states and of the cluster, and no secrets' -ForEach $Types {
        $object = $Objects[$_]
        $enums = $object.GetType().GetProperties() | Where-Object {
            $type = [Nullable]::GetUnderlyingType($_.PropertyType)
            $_.PropertyType.IsEnum -or ($type -and $type.IsEnum)
        }
        $json = $object | ConvertTo-Json -Depth 5 | ConvertFrom-Json
        $csv = $object | ConvertTo-Csv | ConvertFrom-Csv
        $file = Join-Path $TestDrive 'names.xml'
        $object | Export-Clixml -LiteralPath $file -Depth 3
        $copy = Import-Clixml -LiteralPath $file
        foreach ($name in @($enums.Name)) {
            if ($null -eq $object.$name) { continue }
            $json.$name | Should -BeExactly "$($object.$name)" -Because "$name in JSON"
            $csv.$name | Should -BeExactly "$($object.$name)" -Because "$name in CSV"
            $copy.$name.ToString() | Should -BeExactly "$($object.$name)" -Because "$name in CLIXML"
        }
        $copy.PSTypeNames | Should -Contain "Deserialized.RedisClusterOps.$_"
        $texts = ($object | ConvertTo-Json -Depth 20 -WarningAction SilentlyContinue), (Get-Content -LiteralPath $file -Raw),
            ($object | Format-List -Property * -Force | Out-String), ($object | Out-String), "$csv"
        foreach ($text in $texts) { $text | Should -Not -Match $Secret }
        # A session is a cluster, and a run that was chosen by its id may belong to any.
        if ($_ -in 'RedisClusterSession', 'RedisMigration') { return }
        $json.Cluster, $csv.Cluster, $copy.Cluster, "$($object.Cluster)" | Should -BeExactly (@($Nodes[0]) * 4)
        $object.Cluster.User | Should -Be 'operator'
    }

    It 'of type <_> need no -Depth in JSON, or 3 if they contain nodes' -ForEach $Types {
        $needed = if ($_ -in 'RedisClusterHealth', 'RedisSlotMap') { 3 } else { 2 }
        $json = $Objects[$_] | ConvertTo-Json -Depth $needed -WarningVariable cut -WarningAction SilentlyContinue
        $cut | Should -BeNullOrEmpty
        # Ranges are text, and a time span has its parts, here as in the object.
        $json | Should -Not -Match '"First": \d+,\s+"Last"'
        $copy = $json | ConvertFrom-Json
        foreach ($property in $Objects[$_].PSObject.Properties | Where-Object { $_.Value -is [timespan] }) {
            $copy.($property.Name).TotalSeconds | Should -Be $property.Value.TotalSeconds
            $copy.PSObject.Properties.Remove($property.Name)
        }
        # Nothing else has one: a session inside a result would.
        $copy | ConvertTo-Json -Depth 5 | Should -Not -Match '"Ticks"'
    }

    It 'of type <_> have at most eight default properties, and tables of text in CSV and HTML' -ForEach $Types {
        $object = $Objects[$_]
        $shown = $object.PSStandardMembers.DefaultDisplayPropertySet.ReferencedPropertyNames
        $shown.Count | Should -BeGreaterThan 0
        $shown.Count | Should -BeLessOrEqual 8
        $text = ($object | ConvertTo-Csv | Out-String) + ($object | ConvertTo-Html | Out-String)
        $text | Should -Not -Match 'System\.|RedisClusterOps\.\w+(\[|,|"|<)'
    }

    It 'of type <_> have views that fit 80, 120 and 200 columns, with whole headers, advice and reason' -ForEach $Types {
        # A console of 80 columns shows 79 in a line.
        foreach ($width in 79, 80, 119, 120, 200) {
            $lines = $Objects[$_] | Out-String -Width $width -Stream | ForEach-Object TrimEnd | Where-Object { $_ }
            ($lines | Measure-Object Length -Maximum).Maximum | Should -BeLessOrEqual $width
            # A header that is cut continues on the line below.
            $rule = @($lines | Select-Object -First 3) -match '^[ -]+$'
            # A view with groups begins with the name of the first.
            $line = if ($lines[0] -match '^ +\w+: ') { 2 } else { 1 }
            if ($rule) { $lines.IndexOf($rule[0]) | Should -Be $line -Because "the header fits at $width" }
            $text = ($lines -join '') -replace '\s'
            foreach ($property in 'Advice', 'Reason') {
                $value = $Objects[$_].$property
                if (-not $value) { continue }
                $text | Should -Match ([regex]::Escape($value.Substring(0, 8) -replace '\s')) -Because "$property at $width"
            }
        }
    }

    It 'keep their cluster after deserialization' {
        $file = Join-Path $TestDrive 'open.xml'
        Get-RedisOpenSlot 210 | Export-Clixml -LiteralPath $file -Depth 4
        $copy = Import-Clixml -LiteralPath $file
        Disconnect-RedisCluster
        try { ($copy | Complete-RedisSlotMigration).Outcome | Should -Be 'Completed' }
        finally { $null = Connect-RedisCluster $Nodes[0] -Credential $Credential }
    }
}

Describe 'Runspaces' {
    It 'have separate sessions: ForEach-Object -Parallel' -Skip:($PSVersionTable.PSVersion.Major -lt 7) {
        # A runspace of the pool that is free again would be used twice.
        $seen = 1..4 | ForEach-Object -UseNewRunspace -Parallel {
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

    It 'accept the session of another runspace: Start-ThreadJob, Start-Job' -Skip:(-not (Get-Command Start-ThreadJob -ErrorAction Ignore)) {
        $job = Start-ThreadJob { Import-Module $using:ModulePath; (Get-RedisClusterInfo -Cluster $using:Session).Cluster.User }
        $job | Receive-Job -Wait -AutoRemoveJob | Should -Be 'operator'
        # Another process receives a copy with the addresses, without the password.
        $job = Start-Job {
            Import-Module $using:ModulePath
            $env:REDISCLUSTEROPS_JOURNAL = $using:env:REDISCLUSTEROPS_JOURNAL
            Get-RedisOpenSlot -Cluster $using:Session
            (Get-RedisClusterInfo -Cluster ($using:Nodes)[0]).State
        }
        $job | Receive-Job -Wait -AutoRemoveJob | Select-Object -Last 1 | Should -Be 'ok'
    }
}

Describe 'Pipelines' {
    It 'use $PSDefaultParameterValues' {
        $seen = Invoke-InRunspace @"
`$PSDefaultParameterValues['*-Redis*:Cluster'] = '$($Nodes[1])'
(Get-RedisClusterInfo).Cluster.ToString()
(Get-RedisKeySlot a).Owner
`$PSDefaultParameterValues['*-Redis*:MaxStall'] = '5ms'
Complete-RedisSlotMigration 1 -WhatIf -ErrorAction SilentlyContinue | Out-Null
"@
        $seen.Errors | Where-Object { $_.FullyQualifiedErrorId -notlike 'SlotNotOpen,*' } | Should -BeNullOrEmpty
        $seen.Output[0] | Should -Be $Nodes[1]
        $seen.Output[1] | Should -BeIn $Nodes
    }

    It 'leave a slot unchanged that Select-Object -First does not pass on' {
        Invoke-Wedge -Slot 220 -Key 6 -Moved 2
        Invoke-Wedge -Slot 221 -Key 6 -Moved 2
        $one = Get-RedisOpenSlot 220, 221 | Select-Object -First 1 | Complete-RedisSlotMigration
        $one.Slot | Should -Be 220
        (Get-RedisOpenSlot).Slot | Should -Be 221
        (Complete-RedisSlotMigration 221).Outcome | Should -Be 'Completed'
    }
}

Describe 'Cultures' {
    It 'do not affect what is parsed or written: <_>' -ForEach 'de-DE', 'tr-TR' {
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
        $seen = Invoke-InRunspace $script
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
        $null = Undo-RedisSlotMigration -MigrationId (Get-RedisMigration)[0].Id
        foreach ($key in (Get-RedisSlotKey 230).Name) { $null = redis-cli -c -p $Nodes[0].Split(':')[1] DEL $key }
    }
}
