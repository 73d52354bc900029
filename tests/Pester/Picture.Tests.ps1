BeforeAll {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    $script:ModulePath = Join-Path $Repository 'out/RedisClusterOps'
    Import-Module $ModulePath
    . (Join-Path $PSScriptRoot 'RecordedHost.ps1')
    $script:Nodes = @(Enter-Lab)
    $null = Connect-RedisCluster $Nodes[0]
    Invoke-Wedge -Slot 5519
}

AfterAll {
    Disconnect-RedisCluster
    Exit-Lab
}

Describe 'Show-RedisSlotMap' {
    It 'is one object whose view is the map' {
        $map = Show-RedisSlotMap -Width 80
        @($map).Count | Should -Be 1
        $map.OpenSlots | Should -Be '5519'
        $map.Masters.Count | Should -Be 4
        $lines = $map | Out-String -Stream -Width 80 | ForEach-Object { $_.TrimEnd() }
        ($lines | Where-Object { $_ -match '^ *\d+ [A-D]' }).Count | Should -Be 16
        $lines | ForEach-Object Length | Measure-Object -Maximum | ForEach-Object Maximum | Should -BeLessOrEqual 80
        ($lines -join "`n") | Should -Match 'open +1  5519'
        "$map" | Should -Not -Match "`e"
    }

    It 'is as wide as the screen: <Column> columns give <Width>' -ForEach @(
        # One column stays free. Without a screen the width is 80. A map narrower than 40 shows no legend.
        @{ Column = 140; Width = 139 }, @{ Column = 0; Width = 80 }, @{ Column = 12; Width = 40 }
    ) {
        $map = (Invoke-Asked "Show-RedisSlotMap -Cluster $($Nodes[0])" -Column $Column).Output
        $map.Width | Should -Be $Width
        $map.Picture[0] | Should -Match '^    0 '
        if ($Column -eq 140) { $map.Picture[0].Length | Should -Be (6 + 128) }
    }

    It 'is as wide as -Width specifies on any screen, and writes nothing to the cluster' {
        $written = Get-WriteCount $Nodes
        (Invoke-Asked "Show-RedisSlotMap -Width 57 -Cluster $($Nodes[0])" -Column 200).Output.Width | Should -Be 57
        Get-WriteCount $Nodes | Should -Be $written
    }

    It 'has colours on a terminal only, not in text, files or plain rendering' {
        (Show-RedisSlotMap | Out-String) | Should -Not -Match "`e"
        $file = Join-Path $TestDrive 'map.txt'
        Show-RedisSlotMap > $file
        Get-Content $file -Raw | Should -Not -Match "`e"
        Get-Content $file -Raw | Should -Match '16384|slots a character'
        Invoke-FreshPowerShell "Show-RedisSlotMap -Cluster $($Nodes[0])" | Should -Not -Match "`e"
    }

    It 'is ASCII with -PlainText' {
        (Show-RedisSlotMap -PlainText).Picture -join '' | Should -Match '^[ -~]+$'
        (Show-RedisSlotMap -PlainText).Picture -join '' | Should -Match '\* open'
    }

    It 'has a table of its masters and a list of itself' {
        (Show-RedisSlotMap).Masters | Out-String -Width 120 | Should -Match ([regex]::Escape($Nodes[3]))
        Show-RedisSlotMap | Format-List | Out-String -Width 120 | Should -Match 'OpenSlots +: \{5519\}'
    }

    It 'rejects a width that is too small for the legend' {
        { Show-RedisSlotMap -Width 39 } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
    }
}

Describe 'Export-RedisClusterReport' {
    It 'writes a page, and returns the file' {
        $file = Join-Path $TestDrive 'report.html'
        $emitted = Export-RedisClusterReport $file
        Get-Content $file -Raw | Should -Match '(?s)<!DOCTYPE html>.*SlotOpen 5519.*<svg'
        Get-Content $file -Raw | Should -Match '(?s)<h2>Clients</h2>.*<caption>Traffic</caption>'
        foreach ($node in $Nodes) { Get-Content $file -Raw | Should -Match ([regex]::Escape($node)) }
        $emitted | Should -BeOfType IO.FileInfo
        $emitted.FullName | Should -Be $file
        if (-not $IsWindows) { (Get-Item $file).UnixMode | Should -Be '-rw-------' }
    }

    It 'takes a relative path, and treats brackets literally' {
        Push-Location $TestDrive
        try {
            (Export-RedisClusterReport 'a[1].html' -PassThru).FullName | Should -Be (Join-Path $TestDrive 'a[1].html')
        }
        finally { Pop-Location }
    }

    It 'writes nothing with -WhatIf, and keeps an existing file with -NoClobber' {
        $file = Join-Path $TestDrive 'other.html'
        Export-RedisClusterReport $file -WhatIf
        Test-Path $file | Should -BeFalse
        Set-Content $file 'mine'
        { Export-RedisClusterReport $file -NoClobber } | Should -Throw -ErrorId 'ReportNotWritten,*'
        Get-Content $file | Should -Be 'mine'
        Export-RedisClusterReport $file
        Get-Content $file -Raw | Should -Match 'Slot map'
    }

    It 'writes nothing if the prompt is declined' {
        $file = Join-Path $TestDrive 'declined.html'
        $asked = Invoke-Asked "Export-RedisClusterReport '$file' -Confirm -Cluster $($Nodes[0])" -Answer 2
        $asked.Questions | Should -HaveCount 1
        $asked.Output | Should -BeNullOrEmpty
        $asked.Errors | Should -BeNullOrEmpty
        $file | Should -Not -Exist
    }

    It 'fails for a path that cannot be written, and leaves no temporary file' {
        $folder = Join-Path $TestDrive 'pages'
        $null = New-Item -ItemType Directory $folder
        { Export-RedisClusterReport $folder } | Should -Throw -ErrorId 'ReportNotWritten,*'
        { Export-RedisClusterReport (Join-Path $folder 'none/report.html') } | Should -Throw -ErrorId 'ReportNotWritten,*'
        Get-ChildItem $folder -Force | Should -BeNullOrEmpty
        @(Get-ChildItem $TestDrive -Force -Filter 'pages*').Name | Should -Be 'pages'
    }

    It 'reads the alert state file, and does not change it' {
        $file = Join-Path $TestDrive 'alerts.html'
        $state = Join-Path $TestDrive 'watch.json'
        $null = Get-RedisClusterAlert -StatePath $state
        $before = Get-Content $state -Raw
        Export-RedisClusterReport $file -StatePath $state -StuckAfter 1ms
        $alerts = '<h2>Alerts</h2>.*SlotStuck 5519 <span class="since">since at least <time.*<h2>Findings</h2>'
        Get-Content $file -Raw | Should -Match "(?s)$alerts"
        Get-Content $state -Raw | Should -Be $before
        $missing = Join-Path $TestDrive 'none.json'
        Export-RedisClusterReport $file -StatePath $missing -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -Match 'There is no state file'
        $missing | Should -Not -Exist
    }

    It 'is one page for all objects of one cluster' {
        $file = Join-Path $TestDrive 'nodes.html'
        @(Get-RedisClusterNode | Export-RedisClusterReport $file).Count | Should -Be 1
    }
}
