BeforeAll {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    Import-Module (Join-Path $Repository 'out/RedisClusterOps')
    $script:Nodes = Enter-Lab
    $script:Password = "Geheim p:@/'42"
    $script:Records = [System.Collections.Generic.List[object]]::new()
    $script:Journal = Join-Path ([IO.Path]::GetTempPath()) "redisclusterops-secrets-$PID"
    $null = New-Item -ItemType Directory $Journal -Force

    function Invoke-OnEachNode([string[]] $Command) {
        foreach ($node in $Nodes) {
            $hostName, $port = $node -split ':'
            $answer = & redis-cli -h $hostName -p $port @Command 2>&1
            if ($answer -notmatch '^OK') { throw "$node replied: $answer" }
        }
    }
    function ConvertTo-Credential([string] $User, [string] $Secret) {
        $text = New-Object securestring
        $Secret.ToCharArray() | ForEach-Object { $text.AppendChar($_) }
        New-Object pscredential($User, $text)
    }

    # Runs a script with every stream enabled, and keeps all its records.
    function Invoke-Recorded([scriptblock] $Script) {
        $all = & {
            $VerbosePreference = 'Continue'; $DebugPreference = 'Continue'
            $InformationPreference = 'Continue'; $ProgressPreference = 'SilentlyContinue'
            try { & $Script *>&1 } catch { $_ }
        }
        $all | ForEach-Object { $Records.Add($_) }
        $all
    }
    Invoke-Wedge -Slot 100
    Invoke-Wedge -Slot 101
    Invoke-OnEachNode 'ACL', 'SETUSER', 'operator', 'on', ">$Password", '~*', '&*', '+@all'
}

AfterAll {
    Disconnect-RedisCluster
    Exit-Lab
    Remove-Item $Journal -Recurse -Force
}

Describe 'A password' {
    It 'is not in any stream or file that the cmdlets write' {
        $to = @{ JournalPath = $Journal; Confirm = $false }
        $plan = Join-Path $Journal 'plan.json'
        $session = Invoke-Recorded { Connect-RedisCluster $Nodes[0] -Credential (ConvertTo-Credential operator $Password) } |
            Where-Object { $_ -is [RedisClusterOps.RedisClusterSession] }
        $session.User | Should -Be 'operator'
        $null = Invoke-Recorded { Get-RedisClusterHealth -Deep }
        $null = Invoke-Recorded { Get-RedisClusterNode }
        $null = Invoke-Recorded { Get-RedisClusterInfo }
        $null = Invoke-Recorded { Get-RedisOpenSlot }
        $null = Invoke-Recorded { Get-RedisSlotKey -Slot 100 -Detail }
        $null = Invoke-Recorded { Complete-RedisSlotMigration -Slot 100 -WhatIf }
        $done = Invoke-Recorded { Complete-RedisSlotMigration -Slot 100 @to; Undo-RedisSlotMigration -Slot 101 @to }
        ($done | Where-Object { $_ -is [RedisClusterOps.RedisSlotMigrationResult] }).Outcome | Should -Be 'Completed', 'RolledBack'
        $null = Invoke-Recorded { New-RedisRebalancePlan -UseEmptyMaster -OutFile $plan }
        $null = Invoke-Recorded { Move-RedisSlot -Slot 102 -Target $Nodes[3] @to }
        $null = Invoke-Recorded { Get-RedisMigration -JournalPath $Journal }
        $null = Invoke-Recorded { Show-RedisSlotMap }
        $null = Invoke-Recorded { Measure-RedisClusterLink }
        $null = Invoke-Recorded { Measure-RedisClusterTraffic -Interval 10ms }
        $null = Invoke-Recorded { Get-RedisClusterAlert -JournalPath $Journal -StatePath (Join-Path $Journal 'state.json') }
        $null = Invoke-Recorded { Export-RedisClusterReport -Path (Join-Path $Journal 'report.html') -Deep -JournalPath $Journal }
        'state.json', 'report.html' | ForEach-Object { Join-Path $Journal $_ | Should -Exist }
        $null = Invoke-Recorded { Complete-RedisSlotMigration -Slot 103 @to }
        $null = Invoke-Recorded { Get-RedisClusterInfo -Cluster "redis://operator:$([uri]::EscapeDataString($Password))@$($Nodes[0])" }
        $null = Invoke-Recorded { Get-RedisClusterInfo -Cluster "redis://unknown:$([uri]::EscapeDataString($Password))@$($Nodes[0])" }
        $null = Invoke-Recorded { Connect-RedisCluster "$($Nodes[0]),password=$Password,nope=1" }
        $null = Invoke-Recorded { Connect-RedisCluster "redis://u:$Password@h:99999" }

        $Records.Count | Should -BeGreaterThan 40
        @($Records | Where-Object { $_ -is [Management.Automation.ErrorRecord] }).Count | Should -BeGreaterOrEqual 4
        @($Records | Where-Object { $_ -is [Management.Automation.DebugRecord] }).Count | Should -BeGreaterThan 10

        # Records of the other streams also contain the command line, which PowerShell adds. Only their texts are checked.
        $errors = @($Records | Where-Object { $_ -is [Management.Automation.ErrorRecord] })
        $results = @($Records | Where-Object {
                $_ -isnot [Management.Automation.InformationalRecord] -and $_ -isnot [Management.Automation.InformationRecord] -and
                $_ -isnot [Management.Automation.ErrorRecord]
            })
        $results.Count | Should -BeGreaterThan 10
        $results | Export-Clixml (Join-Path $Journal 'results.clixml') -Depth 3
        $errors.Exception | Export-Clixml (Join-Path $Journal 'errors.clixml') -Depth 1
        $texts = @(
            $Records | ForEach-Object { "$_" }
            $results | Format-List * | Out-String -Width 4000
            $results | Out-String -Width 4000
            $results | ForEach-Object { $_ | ConvertTo-Json -Depth 3 -Compress -WarningAction SilentlyContinue }
            $errors | ForEach-Object {
                $_.Exception.ToString(); "$($_.TargetObject)"; "$($_.ErrorDetails)"; "$($_.CategoryInfo)"; $_.FullyQualifiedErrorId
            }
            Get-ChildItem $Journal -Recurse -File | ForEach-Object { [IO.File]::ReadAllText($_.FullName) }
        ) -join [Environment]::NewLine
        $texts.Length | Should -BeGreaterThan 10000
        $texts | Should -Match 'AUTH2 \*\*\* \*\*\*'
        $encodings = @(
            $Password
            [uri]::EscapeDataString($Password)
            ($Password | ConvertTo-Json).Trim('"')
            [Security.SecurityElement]::Escape($Password)
            [Net.WebUtility]::HtmlEncode($Password)
            [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($Password))
        )
        foreach ($secret in $encodings) {
            $texts.IndexOf($secret, [StringComparison]::Ordinal) | Should -Be -1 -Because 'it contains the password'
        }
    }
}
