BeforeDiscovery {
    $script:CommandNames = (Import-PowerShellDataFile (Join-Path $PSScriptRoot '../../RedisClusterOps.psd1')).CmdletsToExport
}

BeforeAll {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    $script:ModulePath = Join-Path $Repository 'out/RedisClusterOps'
    Import-Module $ModulePath
}

Describe 'The module' {
    It 'has a valid manifest' {
        $manifest = Test-ModuleManifest (Join-Path $ModulePath 'RedisClusterOps.psd1')
        $manifest.Version | Should -Be ([version] '0.1.0')
        $manifest.CompatiblePSEditions | Should -Be @('Desktop', 'Core')
    }

    It 'imports into a fresh PowerShell without a word' {
        (Invoke-FreshPowerShell '').Trim() | Should -BeNullOrEmpty
    }

    It 'exports just what the manifest says' {
        $exported = (Get-Module RedisClusterOps).ExportedCommands.Keys | Sort-Object
        $exported | Should -Be (Import-PowerShellDataFile (Join-Path $Repository 'RedisClusterOps.psd1')).CmdletsToExport
    }

    It 'explains itself in about_RedisClusterOps and about_RedisSlotMigration' {
        Get-Help about_RedisClusterOps | Out-String | Should -Match 'Connect-RedisCluster'
        Get-Help about_RedisSlotMigration | Out-String | Should -Match 'Migrating'
    }

    It 'has scripts that PSScriptAnalyzer finds nothing in' -Skip:(-not (Get-Module PSScriptAnalyzer -ListAvailable)) {
        $settings = Join-Path $Repository 'PSScriptAnalyzerSettings.psd1'
        $scripts = @('build.ps1', 'RedisClusterOps.psd1', 'tests/Pester') | ForEach-Object { Join-Path $Repository $_ }
        $found = $scripts | ForEach-Object { Invoke-ScriptAnalyzer -Path $_ -Recurse -Settings $settings }
        $found | Out-String | Should -BeNullOrEmpty
    }
}

Describe 'Help of <_>' -ForEach $CommandNames {
    BeforeAll { $script:Help = Get-Help $_ -Full }

    It 'has a synopsis, a description and examples' {
        $Help.Synopsis | Should -Not -Match '^\s*\w+-Redis\w+ \['
        ($Help.Description | Out-String).Trim() | Should -Not -BeNullOrEmpty
        @($Help.examples.example).Count | Should -BeGreaterOrEqual 2
    }

    It 'documents every parameter' {
        $common = [Management.Automation.PSCmdlet]::CommonParameters
        $own = (Get-Command $_).Parameters.Keys | Where-Object { $common -notcontains $_ }
        foreach ($name in $own) {
            ((Get-Help $_ -Parameter $name).description | Out-String).Trim() | Should -Not -BeNullOrEmpty -Because "-$name"
        }
    }
}
