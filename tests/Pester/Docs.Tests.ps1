BeforeDiscovery {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    . (Join-Path $PSScriptRoot 'Pages.ps1')
    $script:Pages = @($PagePaths) + @(Get-HelpPage)
    $script:Topics = & { . (Join-Path $Repository 'tools/AboutTopic.ps1'); $AboutPages.Keys }
}

BeforeAll {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    $script:ModulePath = Join-Path $Repository 'out/RedisClusterOps'
    . (Join-Path $PSScriptRoot 'RecordedHost.ps1')
    . (Join-Path $PSScriptRoot 'Pages.ps1')
}

Describe 'A page' {
    BeforeAll {
        $script:Nodes = @(Enter-Lab)
        $script:Count = 0
    }

    AfterAll { Exit-Lab }

    It '<_> shows what its commands print' -ForEach $pages {
        $steps = @(Invoke-Page (Join-Path $Repository $_) $Nodes | Add-Member Page $_ -PassThru)
        $script:Count += $steps.Count
        Format-Difference $steps | Should -BeNullOrEmpty -Because 'update-pages.ps1 writes the present output'
    }

    It 'has commands' { $Count | Should -BeGreaterThan 100 }

    It 'that differs is found' {
        $text = '```', 'PS> "one"', 'two', 'PS> "three"', '```', '```powershell', '"four"', '```', '', '```output', 'four', '```'
        $steps = @(Get-PageStep $text)
        $steps.Text | Should -Be '"one"', '"three"', '"four"'
        $steps[0].Output | Should -Be 'two'
        $steps[2].Output | Should -Be 'four'
        ConvertTo-Comparable 'one' '"one"' | Should -Not -Be (ConvertTo-Comparable 'two' '"one"')
        ConvertTo-Comparable '5 slots' 'Get-RedisOpenSlot' | Should -Not -Be (ConvertTo-Comparable '6 slots' 'Get-RedisOpenSlot')
        ConvertTo-Comparable 'at 0:00:00.12' '' | Should -Be (ConvertTo-Comparable 'at 0:00:00.07' '')
    }
}

Describe 'An about topic' -Tag Offline {
    It '<_> is made of its page' -ForEach $topics {
        . (Join-Path $Repository 'tools/AboutTopic.ps1')
        $file = Join-Path $Repository "en-US/$_.help.txt"
        (Get-Content $file -Raw) -replace '\r' | Should -BeExactly (Get-AboutTopic $Repository $_) -Because './build.ps1 -Task Help makes it'
    }
}
