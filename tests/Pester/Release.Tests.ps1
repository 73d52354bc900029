# The runbooks, started as a scheduler starts them, and the package as a user installs it. All on one cluster.

BeforeAll {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    Import-Module (Join-Path $Repository 'out/RedisClusterOps')
    $script:Runbooks = Join-Path $Repository 'out/RedisClusterOps/runbooks'
    $script:Work = Join-Path ([IO.Path]::GetTempPath()) "redisclusterops-pester-release-$PID"
    $null = New-Item $Work -ItemType Directory
    $script:Journal = $env:REDISCLUSTEROPS_JOURNAL
    $env:REDISCLUSTEROPS_JOURNAL = Join-Path $Work 'journal'
    $script:Nodes = Enter-Lab
    $script:Cluster = $Nodes[0]
    $script:WatchState = Join-Path $Work 'watch.json'
    $script:PlanPath = Join-Path $Work 'plan.json'

    # Runs a runbook in this process, where its exit ends only the script. Returns its output, exit code, errors and warnings.
    function Invoke-Runbook([string] $Name, [hashtable] $Parameter = @{}) {
        $output = @(& (Join-Path $Runbooks "$Name.ps1") $Cluster @Parameter 2>&1 3>&1 6>$null)
        $failures = @($output | Where-Object { $_ -is [Management.Automation.ErrorRecord] })
        [pscustomobject] @{
            ExitCode = $LASTEXITCODE
            Output   = @($output | Where-Object { $_ -isnot [Management.Automation.ErrorRecord] -and $_ -isnot [Management.Automation.WarningRecord] })
            Error    = "$failures"
        }
    }

    # Serves one address that records the bodies of POST requests, on a thread of its own.
    function Enter-Webhook {
        $listener = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
        $listener.Start()
        $bodies = [Collections.Concurrent.ConcurrentQueue[string]]::new()
        $serve = {
            param($Listener, $Bodies)
            while ($true) {
                try { $client = $Listener.AcceptTcpClient() } catch { return }
                $reader = [IO.StreamReader]::new($client.GetStream())
                $length = 0
                while (($line = $reader.ReadLine()) -ne '') { if ($line -match '^Content-Length: (\d+)') { $length = [int] $Matches[1] } }
                $body = ''
                while ([Text.Encoding]::UTF8.GetByteCount($body) -lt $length) { $body += [char] $reader.Read() }
                $Bodies.Enqueue($body)
                $answer = [Text.Encoding]::ASCII.GetBytes("HTTP/1.1 200 OK`r`nContent-Length: 2`r`nConnection: close`r`n`r`nok")
                $client.GetStream().Write($answer, 0, $answer.Length)
                $client.Dispose()
            }
        }
        $worker = [powershell]::Create().AddScript($serve).AddArgument($listener).AddArgument($bodies)
        $null = $worker.BeginInvoke()
        $file = Join-Path $Work 'webhook.txt'
        "http://127.0.0.1:$($listener.LocalEndpoint.Port)/secret-path" | Set-Content $file
        if (-not $IsWindows) { chmod 600 $file }
        [pscustomobject] @{ Path = $file; Bodies = $bodies; Listener = $listener; Worker = $worker }
    }
}

AfterAll {
    Exit-Lab
    $env:REDISCLUSTEROPS_JOURNAL = $Journal
    Remove-Item $Work -Recurse -Force -ErrorAction SilentlyContinue
}

Describe 'Every runbook' -Tag Offline {
    It 'has help with an example and every parameter: <_>' -ForEach 'Watch-StuckMigration', 'Repair-StuckMigration', 'Invoke-NightlyRebalance' {
        $help = Get-Help (Join-Path $Runbooks "$_.ps1") -Full
        $help.Synopsis | Should -Not -Match '^\s*$|\.ps1'
        @($help.examples.example).Count | Should -BeGreaterOrEqual 2
        foreach ($parameter in $help.parameters.parameter) {
            $parameter.description.Text | Should -Not -BeNullOrEmpty -Because "-$($parameter.name) of $_"
        }
    }
}

Describe 'Watch-StuckMigration.ps1' {
    It 'is silent and ends with 0 on a healthy cluster' {
        $run = Invoke-Runbook Watch-StuckMigration @{ StatePath = $WatchState }
        $run.ExitCode | Should -Be 0
        $run.Output | Should -BeNullOrEmpty
    }

    It 'posts a stuck migration once, then its end, and prints no secret' {
        $webhook = Enter-Webhook
        try {
            Invoke-Wedge -Slot 5519
            $options = @{ StatePath = $WatchState; WebhookPath = $webhook.Path; StuckAfter = '1ms' }
            $first = Invoke-Runbook Watch-StuckMigration $options
            foreach ($check in 1, 2) { $again = Invoke-Runbook Watch-StuckMigration $options }
            $again.ExitCode | Should -Be 1
            "$($again.Output.Code) $($again.Output.Target)" | Should -Be 'SlotStuck 5519'
            $again.Error | Should -Match 'SlotStuck 5519'
            $null = Complete-RedisSlotMigration -Slot 5519 -Cluster $Cluster
            foreach ($check in 1, 2) { $after = Invoke-Runbook Watch-StuckMigration $options }
            $after.ExitCode | Should -Be 0
            $texts = @($webhook.Bodies | ForEach-Object { (ConvertFrom-Json $_).text })
            @($texts -match 'SlotStuck 5519').Count | Should -Be 1
            $texts[-1] | Should -Match 'no alert is active any more'
            "$($first.Error) $($again.Error) $($again.Output)" | Should -Not -Match 'secret-path'
        }
        finally {
            $webhook.Listener.Stop()
            $webhook.Worker.Dispose()
        }
    }

    It 'ends with 2 if the cluster can not be read, and throws with -Throw' {
        $closed = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
        $closed.Start()
        $port = $closed.LocalEndpoint.Port
        $closed.Stop()
        $script:Cluster = "127.0.0.1:$port"
        try {
            $run = Invoke-Runbook Watch-StuckMigration @{ StatePath = Join-Path $Work 'none.json' }
            $run.ExitCode | Should -Be 2
            $run.Error | Should -Match '^ConnectionFailed: '
            { & (Join-Path $Runbooks 'Watch-StuckMigration.ps1') $Cluster -StatePath (Join-Path $Work 'none.json') -Throw } |
                Should -Throw 'ConnectionFailed: *'
        }
        finally { $script:Cluster = $Nodes[0] }
    }

    It 'keeps its state in a variable of Azure Automation, and takes the login and the webhook from there' {
        Invoke-Wedge -Slot 77
        $port = $Cluster.Split(':')[1]
        foreach ($node in $Nodes) { $null = redis-cli -p $node.Split(':')[1] ACL SETUSER azure on '>pass-of-azure' '~*' '+@all' }
        # Functions that the runbook finds, as the sandbox of Azure has them. A folder keeps the variables.
        $env:RCO_TEST_VARIABLES = Join-Path $Work 'variables'
        $null = New-Item $env:RCO_TEST_VARIABLES -ItemType Directory
        function global:Get-AutomationVariable([string] $Name) {
            Get-Content (Join-Path $env:RCO_TEST_VARIABLES $Name) -Raw -ErrorAction SilentlyContinue
        }
        function global:Set-AutomationVariable([string] $Name, [string] $Value) { $Value | Set-Content (Join-Path $env:RCO_TEST_VARIABLES $Name) }
        function global:Get-AutomationPSCredential([string] $Name) {
            if ($Name -eq 'Login') { [pscredential]::new('azure', [Net.NetworkCredential]::new('', 'pass-of-azure').SecurePassword) }
        }
        try {
            $options = @{ LoginName = 'Login'; StateVariable = 'Watch'; StuckAfter = '1ms' }
            foreach ($job in 1, 2) {
                $state = Join-Path $Work "sandbox-$job.json"
                try { $null = & (Join-Path $Runbooks 'Watch-StuckMigration.ps1') $Cluster -StatePath $state @options; $failure = '' }
                catch { $failure = "$_" }
            }
            # Only what the first job observed makes the slot stuck for the second.
            $failure | Should -Match 'SlotStuck 77'
            $failure | Should -Not -Match 'pass-of-azure'
            "$(redis-cli -p $port ACL LOG)" | Should -Not -Match 'azure'
        }
        finally {
            Remove-Item Function:Get-AutomationVariable, Function:Set-AutomationVariable, Function:Get-AutomationPSCredential
            $env:RCO_TEST_VARIABLES = $null
            $null = Complete-RedisSlotMigration -Slot 77 -Cluster $Cluster
        }
    }
}

Describe 'Repair-StuckMigration.ps1' {
    BeforeAll {
        foreach ($slot in 5519, 12000) { Invoke-Wedge -Slot $slot }
    }

    It 'changes nothing without approval, and saves the slots and the commands' {
        $before = Get-WriteCount $Nodes
        $run = Invoke-Runbook Repair-StuckMigration @{ PlanPath = $PlanPath }
        $run.ExitCode | Should -Be 3
        Get-WriteCount $Nodes | Should -Be $before
        $plan = Get-Content $PlanPath -Raw | ConvertFrom-Json
        $plan.Id | Should -Be $run.Output[-1].PlanId
        $run.Error | Should -Match $plan.Id
        ($plan.Groups.Slots | Sort-Object) | Should -Be '12000', '5519'
        "$($plan.Commands)" | Should -Match 'MIGRATE .* SETSLOT 5519 NODE'
        # The same plan has the same id: an approval may take days.
        (Invoke-Runbook Repair-StuckMigration @{ PlanPath = $PlanPath }).Output[-1].PlanId | Should -Be $plan.Id
    }

    It 'refuses an id that is not the plan''s' {
        $run = Invoke-Runbook Repair-StuckMigration @{ PlanPath = $PlanPath; ApprovedPlan = '000000000000' }
        $run.ExitCode | Should -Be 2
        $run.Error | Should -Match 'Nothing was changed'
    }

    It 'carries out what a file approves, leaves a slot that was opened later, reports, and keeps every key' {
        $id = (Get-Content $PlanPath -Raw | ConvertFrom-Json).Id
        $id | Set-Content "$PlanPath.approved"
        Invoke-Wedge -Slot 300
        $report = Join-Path $Work 'report.json'
        $run = Invoke-Runbook Repair-StuckMigration @{ PlanPath = $PlanPath; ReportPath = $report }
        $run.ExitCode | Should -Be 3
        Get-OpenNode $Nodes 5519 | Should -BeNullOrEmpty
        Get-OpenNode $Nodes 12000 | Should -BeNullOrEmpty
        Get-OpenNode $Nodes 300 | Should -Not -BeNullOrEmpty
        foreach ($slot in 5519, 12000) { ($Nodes | ForEach-Object { Get-KeyCount $_ $slot } | Measure-Object -Sum).Sum | Should -Be 30 }
        (Get-Content $report -Raw | ConvertFrom-Json).Results.Outcome | Select-Object -Unique | Should -Be 'Repaired'
        Test-Path "$PlanPath.approved" | Should -BeFalse
        $next = (Get-Content $PlanPath -Raw | ConvertFrom-Json)
        $next.Groups.Slots | Should -Be 300
        $done = Invoke-Runbook Repair-StuckMigration @{ PlanPath = $PlanPath; ApprovedPlan = $next.Id; Operation = 'Repair' }
        $done.ExitCode | Should -Be 0
        Test-Path $PlanPath | Should -BeFalse
    }

    It 'with nothing open ends with 0' {
        (Invoke-Runbook Repair-StuckMigration @{ PlanPath = $PlanPath; NoApproval = $true }).ExitCode | Should -Be 0
    }
}

Describe 'Invoke-NightlyRebalance.ps1' {
    It 'starts nothing while a slot is open that another tool opened' {
        Invoke-Wedge -Slot 77
        $run = Invoke-Runbook Invoke-NightlyRebalance @{ Until = '2m'; UseEmptyMaster = $true }
        $run.ExitCode | Should -Be 1
        $run.Output[-1].Outcome | Should -Be 'NotStarted'
        $run.Error | Should -Match 'slots 77 are open'
        $null = Complete-RedisSlotMigration -Slot 77 -Cluster $Cluster
    }

    It 'refuses a window that is missed' {
        $run = Invoke-Runbook Invoke-NightlyRebalance @{ Until = '13h' }
        $run.ExitCode | Should -Be 2
        $run.Error | Should -Match 'missed'
    }

    It 'balances the masters' {
        $run = Invoke-Runbook Invoke-NightlyRebalance @{ Until = '2m'; UseEmptyMaster = $true; AfterUndo = $true; SettleMinutes = 0 }
        $run.ExitCode | Should -Be 0
        $run.Output[-1].Outcome | Should -Be 'Balanced'
        @(Get-RedisClusterNode -Cluster $Cluster | Where-Object SlotCount -eq 4096) | Should -HaveCount 4
    }
}

Describe 'The package' {
    BeforeAll {
        . (Join-Path $Repository 'tools/MamlHelp.ps1')
        . (Join-Path $Repository 'tools/Package.ps1')
        # Also asserts the files of the staged module and of the package.
        $script:Package = Export-Package $Repository (Join-Path $Work 'package')
    }

    It 'has the client, the runbooks, the help, the licence and those of others' {
        $files = Get-PackedFile $Package
        foreach ($file in 'client/StackExchange.Redis.dll', 'runbooks/Watch-StuckMigration.ps1', 'en-US/RedisClusterOps.dll-Help.xml',
            'LICENSE', 'THIRD-PARTY.txt') {
            $files | Should -Contain $file
        }
    }

    It 'is installed from a folder by name, imports, and works on a cluster' {
        # Install-PSResource installs below the home folder, which is another one here, so that no module of the user changes.
        $data = Join-Path $Work 'home'
        $null = New-Item $data -ItemType Directory
        $output = & {
            $before = $env:HOME, $env:XDG_DATA_HOME
            $env:HOME, $env:XDG_DATA_HOME = $data, $null
            try {
                & $ShellProgram @ShellArgument -NoProfile -NonInteractive -Command @"
`$ErrorActionPreference = 'Stop'; `$ProgressPreference = 'SilentlyContinue'
Register-PSResourceRepository -Name folder -Uri '$($Package.DirectoryName)' -Trusted
Install-PSResource RedisClusterOps -Repository folder -Prerelease
Import-Module RedisClusterOps
`$module = Get-Module RedisClusterOps
"version `$(`$module.Version)-`$(`$module.PrivateData.PSData.Prerelease)"
"notes `$(`$module.ReleaseNotes.Substring(0, 13))"
"inside `$(`$module.ModuleBase.StartsWith('$data'))"
"health `$((Get-RedisClusterHealth -Cluster $Cluster).Healthy)"
"help `$((Get-Help Get-RedisOpenSlot).Synopsis)"
& (Join-Path `$module.ModuleBase 'runbooks/Watch-StuckMigration.ps1') $Cluster -StatePath '$Work/installed.json'
"watch `$LASTEXITCODE"
"@ 2>&1
            }
            finally { $env:HOME, $env:XDG_DATA_HOME = $before }
        }
        $output | Should -Be 'version 1.0.0-preview', 'notes 1.0.0-preview', 'inside True', 'health True',
            "help $((Get-Help Get-RedisOpenSlot).Synopsis)", 'watch 0'
    }

    It 'has links to online help only if the manifest names the project' {
        (Get-Help Get-RedisOpenSlot).relatedLinks.navigationLink.uri | Should -Not -Match 'http'
        $copy = Join-Path $Work 'help.xml'
        Copy-Item (Join-Path $Repository 'en-US/RedisClusterOps.dll-Help.xml') $copy
        Add-OnlineLink $copy 'https://example.org/o/redis/'
        $links = Select-Maml ([xml] (Get-Content $copy -Raw)) '//command:relatedLinks/maml:navigationLink[1]/maml:uri'
        $links.InnerText | Should -Contain 'https://example.org/o/redis/blob/HEAD/docs/en-US/Get-RedisOpenSlot.md'
        @($links).Count | Should -Be (Get-Command -Module RedisClusterOps).Count
    }
}
