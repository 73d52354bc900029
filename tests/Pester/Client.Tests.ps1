BeforeAll {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    Import-Module (Join-Path $Repository 'out/RedisClusterOps')
    $script:Nodes = Enter-Lab
    $null = Connect-RedisCluster $Nodes[0]
    $script:ClientFolder = Join-Path $Repository 'out/RedisClusterOps/client'
    function Get-TryAgain {
        ($Nodes | ForEach-Object { @(redis-cli -p $_.Split(':')[1] INFO errorstats) -match 'errorstat_TRYAGAIN' -replace '.*=' } |
            Measure-Object -Sum).Sum
    }
    function Get-Counter { $Nodes | ForEach-Object { redis-cli -p $_.Split(':')[1] KEYS 'redisclusterops:client:*' } | Where-Object { $_ } }
}

AfterAll {
    Disconnect-RedisCluster
    Exit-Lab
}

Describe 'Measure-RedisClusterClient' {
    It 'measures a healthy cluster, and leaves nothing behind' {
        $samples = Measure-RedisClusterClient -Duration 1s -Interval 500ms -Write
        $samples | Should -HaveCount 2
        ($samples | Measure-Object Operations -Sum).Sum | Should -BeGreaterThan 50
        ($samples | Measure-Object Errors -Sum).Sum | Should -Be 0
        ($samples | Measure-Object LostWrites -Sum).Sum | Should -Be 0
        $samples.P50 | ForEach-Object { $_ | Should -BeGreaterThan 0 }
        Get-Counter | Should -BeNullOrEmpty
    }

    It 'leaves nothing behind if the pipeline ends before it' {
        Measure-RedisClusterClient -Write -Interval 100ms | Select-Object -First 2 | Should -HaveCount 2
        Get-Counter | Should -BeNullOrEmpty
    }

    It 'loads nothing before it runs, and its assemblies into a context of their own' {
        $shown = Invoke-FreshPowerShell @"
            `$loaded = { [AppDomain]::CurrentDomain.GetAssemblies() | Where-Object Location -like '$ClientFolder*' }
            @(& `$loaded).Count
            `$null = Measure-RedisClusterClient -Cluster $($Nodes[0]) -Duration 100ms -Interval 100ms
            @(& `$loaded).Count
            @(& `$loaded | ForEach-Object { [Runtime.Loader.AssemblyLoadContext]::GetLoadContext(`$_).Name } | Select-Object -Unique)
"@
        $shown -split '\s+' | Where-Object { $_ } | Should -Be '0', '9', 'RedisClusterOps.Client'
    }

    It 'and a module that loads another StackExchange.Redis <Order> both work' -ForEach @(
        @{ Order = 'before' }
        @{ Order = 'afterwards' }
    ) {
        # Assemblies with the same names and lower versions, as other modules ship them.
        $own = "`$null = Measure-RedisClusterClient -Cluster $($Nodes[0]) -Duration 200ms -Interval 200ms -OutVariable sample"
        $other = @"
            `$folder = New-Item -ItemType Directory (Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName()))
            foreach (`$name in 'StackExchange.Redis', 'Microsoft.Extensions.Logging.Abstractions') {
                `$builder = [Reflection.Emit.PersistedAssemblyBuilder]::new(
                    [Reflection.AssemblyName]"`$name, Version=2.0.0.0", [object].Assembly)
                `$type = `$builder.DefineDynamicModule(`$name).DefineType("Other.`$(`$name.Replace('.', ''))", 'Public')
                `$null = `$type.CreateType()
                `$builder.Save("`$folder/`$name.dll")
                Add-Type -Path "`$folder/`$name.dll"
            }
            `$types = [Other.StackExchangeRedis], [Other.MicrosoftExtensionsLoggingAbstractions]
"@
        $script = if ($Order -eq 'before') { $other, $own } else { $own, $other }
        $shown = Invoke-FreshPowerShell (($script -join "`n") + "`n`$types.Assembly.GetName().Version.Major; `$sample.Errors; `$sample.Operations -gt 0")
        $shown -split '\s+' | Where-Object { $_ } | Should -Be '2', '2', '0', 'True'
    }

    Context 'with a half-moved slot' {
        BeforeAll { Invoke-Wedge -Slot 5519 -Key 40 -Moved 20 }
        AfterAll { $null = Get-RedisOpenSlot | Complete-RedisSlotMigration -Confirm:$false }

        It 'sees the redirects of single keys, and no error' {
            $sample = Get-RedisOpenSlot | Measure-RedisClusterClient -Duration 1s
            $sample.Errors | Should -Be 0
            $sample.Ask | Should -BeGreaterThan 20
        }

        It 'sees the errors of keys that belong together, as the servers count them' {
            $before = Get-TryAgain
            $sample = Measure-RedisClusterClient 5519 -MultiKey -Duration 1s
            $sample.TryAgain | Should -BeGreaterThan 20
            $sample.Errors | Should -Be $sample.TryAgain
            $sample.Trouble | Should -BeLike 'TRYAGAIN*'
            # Operations that end after the last sample are in no sample.
            (Get-TryAgain) - $before | Should -BeGreaterOrEqual $sample.TryAgain
            (Get-TryAgain) - $before | Should -BeLessThan ($sample.TryAgain + 20)
        }
    }

    It 'counts operations as errors that it does not send because 5000 others wait' {
        $samples = Measure-RedisClusterClient -Rate 10000 -Duration 2s -Interval 500ms | ForEach-Object {
            if ($_.Trouble) { return $_ }
            foreach ($node in $Nodes) { $null = redis-cli -p $node.Split(':')[1] CLIENT PAUSE 1200 }
        }
        $unsent = @($samples | Where-Object Trouble -Like '5000 operations wait for a reply*')
        $unsent.Count | Should -BeGreaterThan 0
        $unsent[0].Errors | Should -BeGreaterThan 100
    }

    It 'does not continue as the default user with a wrong <Name>' -ForEach @(
        @{ Name = 'password'; Login = ':wr0ng' }
        @{ Name = 'user'; Login = 'app:wr0ng' }
    ) {
        { Measure-RedisClusterClient -Cluster "redis://$Login@$($Nodes[0])" -Duration 100ms } |
            Should -Throw -ErrorId 'AuthenticationFailed,*'
    }

    It 'ends within a second if a node hangs' {
        $lab = Get-Process -Id (@(redis-cli -p $Nodes[1].Split(':')[1] INFO server) -match '^process_id:' -replace '\D')
        $module = Join-Path $Repository 'out/RedisClusterOps'
        $script = Start-ThreadJob {
            Import-Module $using:module
            Measure-RedisClusterClient -Cluster ($using:Nodes)[0] -Write -Duration 60s -Interval 100ms
        }
        try {
            while (@(Receive-Job $script -Keep).Count -lt 2) { Start-Sleep -Milliseconds 50 }
            # The kill of the shell: a small system has no other.
            sh -c "kill -STOP $($lab.Id)"
            $last = @(Receive-Job $script -Keep).Count
            while (@(Receive-Job $script -Keep).Count -lt $last + 2) { Start-Sleep -Milliseconds 50 }
            $clock = [Diagnostics.Stopwatch]::StartNew()
            Stop-Job $script
            $clock.Elapsed.TotalSeconds | Should -BeLessThan 2
        }
        finally {
            sh -c "kill -CONT $($lab.Id)"
            Remove-Job $script -Force
        }
    }

    It 'rejects <Name>' -ForEach @(
        @{ Name = 'a rate above its limit'; Script = { Measure-RedisClusterClient -Rate 10001 }; Id = 'ParameterArgumentValidationError,*' }
        @{ Name = 'a time without a unit'; Script = { Measure-RedisClusterClient -Duration 5 }; Id = 'ParameterArgumentTransformationError,*' }
        @{ Name = 'a slot that does not exist'; Script = { Measure-RedisClusterClient 16384 }; Id = 'ParameterArgumentTransformationError,*' }
    ) {
        $Script | Should -Throw -ErrorId $Id
    }
}
