BeforeAll {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    Import-Module (Join-Path $Repository 'out/RedisClusterOps')
    $script:Nodes = Enter-Lab
    $script:Word = "Geheim p:@/'42"
    $script:Written = [System.Collections.Generic.List[object]]::new()
    $script:Journal = Join-Path ([IO.Path]::GetTempPath()) "redisclusterops-secrets-$PID"
    $null = New-Item -ItemType Directory $Journal -Force

    function Invoke-OnEachNode([string[]] $Command) {
        foreach ($node in $Nodes) {
            $hostName, $port = $node -split ':'
            $answer = & redis-cli -h $hostName -p $port @Command 2>&1
            if ($answer -notmatch '^OK') { throw "$node said: $answer" }
        }
    }
    function ConvertTo-Credential([string] $User, [string] $Secret) {
        $text = New-Object securestring
        $Secret.ToCharArray() | ForEach-Object { $text.AppendChar($_) }
        New-Object pscredential($User, $text)
    }

    # Runs a script with every stream open, and keeps all that came of it in every shape that people keep it in.
    function Invoke-Recorded([scriptblock] $Script) {
        $all = & {
            $VerbosePreference = 'Continue'; $DebugPreference = 'Continue'; $InformationPreference = 'Continue'; $ProgressPreference = 'SilentlyContinue'
            try { & $Script *>&1 } catch { $_ }
        }
        $all | ForEach-Object { $Written.Add($_) }
        $all
    }
    Invoke-Wedge -Slot 100
    Invoke-Wedge -Slot 101
    Invoke-OnEachNode 'ACL', 'SETUSER', 'operator', 'on', ">$Word", '~*', '&*', '+@all'
}

AfterAll {
    Disconnect-RedisCluster
    Exit-Lab
    Remove-Item $Journal -Recurse -Force
}

Describe 'A password' {
    It 'is in nothing that the cmdlets write, to any stream or file' {
        $to = @{ JournalPath = $Journal; Confirm = $false }
        $plan = Join-Path $Journal 'plan.json'
        $session = Invoke-Recorded { Connect-RedisCluster $Nodes[0] -Credential (ConvertTo-Credential operator $Word) } | Where-Object { $_ -is [RedisClusterOps.RedisClusterSession] }
        $session.User | Should -Be 'operator'
        $null = Invoke-Recorded { Test-RedisCluster -Deep }
        $null = Invoke-Recorded { Get-RedisClusterNode }
        $null = Invoke-Recorded { Get-RedisClusterInfo }
        $null = Invoke-Recorded { Get-RedisOpenSlot }
        $null = Invoke-Recorded { Get-RedisSlotKey -Slot 100 -Detail }
        $null = Invoke-Recorded { Complete-RedisSlotMigration -Slot 100 -WhatIf }
        (Invoke-Recorded { Complete-RedisSlotMigration -Slot 100 @to } | Where-Object { $_ -is [RedisClusterOps.RedisSlotMigrationResult] }).Outcome | Should -Be 'Completed'
        (Invoke-Recorded { Undo-RedisSlotMigration -Slot 101 @to } | Where-Object { $_ -is [RedisClusterOps.RedisSlotMigrationResult] }).Outcome | Should -Be 'RolledBack'
        $null = Invoke-Recorded { New-RedisRebalancePlan -UseEmptyMaster -OutFile $plan }
        $null = Invoke-Recorded { Move-RedisSlot -Slot 102 -Target $Nodes[3] @to }
        $null = Invoke-Recorded { Get-RedisMigration -JournalPath $Journal }
        $null = Invoke-Recorded { Show-RedisSlotMap }
        $null = Invoke-Recorded { Measure-RedisClusterLink }
        $null = Invoke-Recorded { Get-RedisClusterAlert -JournalPath $Journal -StatePath (Join-Path $Journal 'state.json') }
        $null = Invoke-Recorded { Export-RedisClusterReport -Path (Join-Path $Journal 'report.html') -Deep -JournalPath $Journal }
        'state.json', 'report.html' | ForEach-Object { Join-Path $Journal $_ | Should -Exist }
        $null = Invoke-Recorded { Complete-RedisSlotMigration -Slot 103 @to }
        $null = Invoke-Recorded { Get-RedisClusterInfo -Cluster "redis://operator:$([uri]::EscapeDataString($Word))@$($Nodes[0])" }
        $null = Invoke-Recorded { Get-RedisClusterInfo -Cluster "redis://nobody:$([uri]::EscapeDataString($Word))@$($Nodes[0])" }
        $null = Invoke-Recorded { Connect-RedisCluster "$($Nodes[0]),password=$Word,nope=1" }
        $null = Invoke-Recorded { Connect-RedisCluster "redis://u:$Word@h:99999" }

        $Written.Count | Should -BeGreaterThan 40
        @($Written | Where-Object { $_ -is [Management.Automation.ErrorRecord] }).Count | Should -BeGreaterOrEqual 4
        @($Written | Where-Object { $_ -is [Management.Automation.DebugRecord] }).Count | Should -BeGreaterThan 10

        # Of what goes to the other streams the text is what is kept. The record of a call also repeats the line that was typed, which is the shell's own.
        $results = @($Written | Where-Object { $_ -isnot [Management.Automation.InformationalRecord] -and $_ -isnot [Management.Automation.InformationRecord] -and $_ -isnot [Management.Automation.ErrorRecord] })
        $errors = @($Written | Where-Object { $_ -is [Management.Automation.ErrorRecord] })
        $results.Count | Should -BeGreaterThan 10
        $results | Export-Clixml (Join-Path $Journal 'results.clixml') -Depth 3
        $errors.Exception | Export-Clixml (Join-Path $Journal 'errors.clixml') -Depth 1
        $shapes = @(
            $Written | ForEach-Object { "$_" }
            $results | Format-List * | Out-String -Width 4000
            $results | Out-String -Width 4000
            $results | ForEach-Object { $_ | ConvertTo-Json -Depth 3 -Compress -WarningAction SilentlyContinue }
            $errors | ForEach-Object { $_.Exception.ToString(); "$($_.TargetObject)"; "$($_.ErrorDetails)"; "$($_.CategoryInfo)"; $_.FullyQualifiedErrorId }
            Get-ChildItem $Journal -Recurse -File | ForEach-Object { [IO.File]::ReadAllText($_.FullName) }
        ) -join [Environment]::NewLine
        $shapes.Length | Should -BeGreaterThan 10000
        $shapes | Should -Match 'AUTH2 \*\*\* \*\*\*'
        foreach ($secret in $Word, [uri]::EscapeDataString($Word), ($Word | ConvertTo-Json).Trim('"'), [Security.SecurityElement]::Escape($Word), [Net.WebUtility]::HtmlEncode($Word), [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($Word))) {
            $shapes.IndexOf($secret, [StringComparison]::Ordinal) | Should -Be -1 -Because 'it holds the password'
        }
    }
}
