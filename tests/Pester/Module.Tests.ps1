BeforeDiscovery {
    $script:CommandNames = (Import-PowerShellDataFile (Join-Path $PSScriptRoot '../../RedisClusterOps.psd1')).CmdletsToExport
}

BeforeAll {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    $script:ModulePath = Join-Path $Repository 'out/RedisClusterOps'
    Import-Module $ModulePath
}

Describe 'The module' -Tag Offline {
    It 'has a valid manifest' {
        $manifest = Test-ModuleManifest (Join-Path $ModulePath 'RedisClusterOps.psd1')
        $manifest.Version | Should -Be ([version] '1.0.0')
        $manifest.CompatiblePSEditions | Should -Be @('Desktop', 'Core')
    }

    It 'imports into a new PowerShell without output' {
        (Invoke-FreshPowerShell '').Trim() | Should -BeNullOrEmpty
    }

    It 'exports exactly the cmdlets of the manifest' {
        $exported = (Get-Module RedisClusterOps).ExportedCommands.Keys | Sort-Object
        $exported | Should -Be (Import-PowerShellDataFile (Join-Path $Repository 'RedisClusterOps.psd1')).CmdletsToExport
    }

    It 'has four about topics' {
        Get-Help about_RedisClusterOps | Out-String | Should -Match 'Connect-RedisCluster'
        Get-Help about_RedisSlotMigration | Out-String | Should -Match 'Migrating'
        Get-Help about_RedisClusterOps_Runbooks | Out-String | Should -Match 'Get-AutomationPSCredential'
        Get-Help about_RedisClusterOps_Decisions | Out-String | Should -Match 'SlotUncovered'
    }

    It 'names only existing cmdlets in its about topics' {
        foreach ($topic in Get-ChildItem (Join-Path $ModulePath 'en-US/*.help.txt')) {
            # Commands are indented by eight, as are cron schedules and lists of names, which are excluded.
            $lines = Get-Content $topic | Where-Object { $_ -match '^ {8}\S.*(-Redis|\$)' -and $_ -notmatch '\*/5|^\s+\w+, ' }
            $lines | Should -Not -BeNullOrEmpty -Because $topic.Name
            foreach ($name in [regex]::Matches((Get-Content $topic -Raw), '\b[A-Z][a-z]+-Redis\w+').Value | Select-Object -Unique) {
                Get-Command $name -ErrorAction SilentlyContinue | Should -Not -BeNullOrEmpty -Because "$($topic.Name) names $name"
            }
        }
    }

    It 'has the metadata that a gallery needs' {
        $path = Join-Path $ModulePath 'RedisClusterOps.psd1'
        $manifest = Test-ModuleManifest $path -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -BeNullOrEmpty
        $manifest.Tags | Should -Contain 'PSEdition_Desktop'
        $manifest.Tags | Should -Contain 'PSEdition_Core'
        $manifest.LicenseUri | Should -Not -BeNullOrEmpty
        $manifest.Description | Should -Not -BeNullOrEmpty
    }
}

Describe 'A time span' -Tag Offline {
    It 'reads <Text>' -ForEach @(
        @{ Text = '10ms'; Milliseconds = 10 }, @{ Text = '5s'; Milliseconds = 5000 }, @{ Text = '1.5s'; Milliseconds = 1500 }
        @{ Text = '30m'; Milliseconds = 1800000 }, @{ Text = ' 2H '; Milliseconds = 7200000 }, @{ Text = '1d'; Milliseconds = 86400000 }
        @{ Text = '00:00:05'; Milliseconds = 5000 }
    ) {
        $transformation = (Get-Command Connect-RedisCluster).Parameters['ConnectTimeout'].Attributes |
            Where-Object { $_ -is [Management.Automation.ArgumentTransformationAttribute] }
        $transformation.Transform($ExecutionContext, $Text) | Should -Be ([timespan]::FromMilliseconds($Milliseconds))
    }

    It 'is rejected without a unit or out of range: <_>' -ForEach @(
        '5', 5, '5 apples', '-5s', '0s', '00:00:00', 'ms', '99999999999999999999d', '1e9d', '', $null
    ) {
        $value = $_
        { Connect-RedisCluster 127.0.0.1:1 -ConnectTimeout $value } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,*'
    }
}

Describe 'Help of <_>' -Tag Offline -ForEach $CommandNames {
    BeforeAll { $script:Help = Get-Help $_ -Full }

    It 'has a synopsis, a description and examples' {
        $Help.Synopsis | Should -Not -Match '^\s*\w+-Redis\w+ \['
        ($Help.Description | Out-String).Trim() | Should -Not -BeNullOrEmpty
        @($Help.examples.example).Count | Should -BeGreaterOrEqual 3
    }

    It 'has no Markdown, no dead link, and code in every example' {
        $text = $Help | Out-String -Width 120
        $text | Should -Not -Match '```'
        $text | Should -Not -Match 'Online Version|\.md\b'
        foreach ($example in $Help.examples.example) { $example.code | Should -Match '\S' }
    }

    It 'has examples that parse, with existing cmdlets and parameters' {
        foreach ($example in $Help.examples.example) {
            $code = ($example.code -split '\n\n')[0]
            $problems = $null
            $tree = [Management.Automation.Language.Parser]::ParseInput($code, [ref] $null, [ref] $problems)
            $problems | Should -BeNullOrEmpty -Because $code
            foreach ($line in $tree.FindAll({ param($node) $node -is [Management.Automation.Language.CommandAst] }, $true)) {
                $command = Get-Command $line.GetCommandName() -ErrorAction SilentlyContinue
                if (-not $command) { throw "No command $($line.GetCommandName()): $code" }
                $parameters = $line.CommandElements | Where-Object { $_ -is [Management.Automation.Language.CommandParameterAst] }
                foreach ($name in $parameters.ParameterName) {
                    # Throws if there is no such parameter.
                    $null = $command.ResolveParameter($name)
                }
            }
        }
    }

    It 'documents every parameter' {
        $common = [Management.Automation.PSCmdlet]::CommonParameters
        $own = (Get-Command $_).Parameters.Keys | Where-Object { $common -notcontains $_ }
        $documented = $Help.parameters.parameter | Where-Object { "$($_.description.Text)".Trim() } | ForEach-Object name
        $own | Where-Object { $documented -notcontains $_ } | Should -BeNullOrEmpty
    }
}

Describe 'Binding of <Name>' -Tag Offline -ForEach @(
    @{ Name = 'Complete-RedisSlotMigration'; Sets = '__AllParameterSets'; Value = 'Slot'; Property = 'Cluster', 'Slot', 'Source', 'Target' }
    @{ Name = 'Connect-RedisCluster'; Sets = '__AllParameterSets'; Value = @(); Property = @() }
    @{ Name = 'Disconnect-RedisCluster'; Sets = '__AllParameterSets'; Value = @(); Property = @() }
    @{ Name = 'Export-RedisClusterReport'; Sets = '__AllParameterSets'; Value = 'Cluster'; Property = 'Cluster' }
    @{ Name = 'Get-RedisClusterAlert'; Sets = '__AllParameterSets'; Value = 'Cluster'; Property = 'Cluster' }
    @{ Name = 'Get-RedisClusterHealth'; Sets = '__AllParameterSets'; Value = 'Cluster'; Property = 'Cluster' }
    @{ Name = 'Get-RedisClusterInfo'; Sets = '__AllParameterSets'; Value = 'Cluster'; Property = 'Cluster' }
    @{ Name = 'Get-RedisClusterNode'; Sets = '__AllParameterSets'; Value = 'Cluster'; Property = 'Cluster', 'Node' }
    @{ Name = 'Get-RedisKeyConflict'; Sets = '__AllParameterSets'; Value = 'Slot'; Property = 'Cluster', 'Slot' }
    @{ Name = 'Get-RedisKeySlot'; Sets = '__AllParameterSets'; Value = 'Key'; Property = 'Cluster', 'Key' }
    @{ Name = 'Get-RedisMigration'; Sets = '__AllParameterSets'; Value = 'Id'; Property = 'Cluster', 'Id' }
    @{ Name = 'Get-RedisOpenSlot'; Sets = '__AllParameterSets'; Value = 'Slot'; Property = 'Cluster', 'Slot' }
    @{ Name = 'Get-RedisSlotKey'; Sets = '__AllParameterSets'; Value = 'Slot'; Property = 'Cluster', 'Slot' }
    @{ Name = 'Get-RedisSlotLoad'; Sets = '__AllParameterSets'; Value = 'Slot'; Property = 'Cluster', 'Slot' }
    @{ Name = 'Invoke-RedisRebalance'; Sets = 'Options', 'Plan', 'PlanFile'; Value = 'Plan'; Property = 'Cluster' }
    @{ Name = 'Measure-RedisClusterClient'; Sets = '__AllParameterSets'; Value = 'Slot'; Property = 'Cluster', 'Slot' }
    @{ Name = 'Measure-RedisClusterLink'; Sets = '__AllParameterSets'; Value = 'Cluster'; Property = 'Cluster', 'Node' }
    @{ Name = 'Measure-RedisClusterTraffic'; Sets = '__AllParameterSets'; Value = 'Cluster'; Property = 'Cluster', 'Node' }
    @{ Name = 'Move-RedisSlot'; Sets = 'Slot', 'Source'; Value = 'Slot'; Property = 'Cluster', 'Slot', 'Source', 'Target' }
    @{ Name = 'Move-RedisSlotKey'; Sets = '__AllParameterSets'; Value = 'Slot'; Property = 'Cluster', 'Slot', 'Source', 'Target' }
    @{ Name = 'New-RedisRebalancePlan'; Sets = '__AllParameterSets'; Value = 'Cluster'; Property = 'Cluster' }
    @{ Name = 'Repair-RedisCluster'; Sets = '__AllParameterSets'; Value = 'Slot'; Property = 'Cluster', 'Slot' }
    @{ Name = 'Restart-RedisSlotMigration'; Sets = '__AllParameterSets'; Value = 'Slot'; Property = 'Cluster', 'Slot', 'Target' }
    @{ Name = 'Restore-RedisKey'; Sets = '__AllParameterSets'; Value = 'Path'; Property = 'Cluster', 'Path' }
    @{ Name = 'Resume-RedisMigration'; Sets = '__AllParameterSets'; Value = 'Id'; Property = 'Cluster', 'Id' }
    @{ Name = 'Show-RedisSlotMap'; Sets = '__AllParameterSets'; Value = 'Cluster'; Property = 'Cluster' }
    @{ Name = 'Start-RedisSlotMigration'; Sets = '__AllParameterSets'; Value = 'Slot'; Property = 'Cluster', 'Slot', 'Source', 'Target' }
    @{ Name = 'Test-RedisCluster'; Sets = '__AllParameterSets'; Value = 'Cluster'; Property = 'Cluster' }
    @{
        Name = 'Undo-RedisSlotMigration'; Sets = 'MigrationId', 'Slot'; Value = 'Slot'
        Property = 'Cluster', 'MigrationId', 'Slot', 'Source', 'Target'
    }
) {
    It 'has the parameter sets and pipeline bindings that scripts rely on' {
        $command = Get-Command $Name
        $command.ParameterSets.Name | Sort-Object | Should -Be $Sets
        $all = $command.ParameterSets.Parameters
        @($all | Where-Object ValueFromPipeline | ForEach-Object Name | Sort-Object -Unique) | Should -Be @($Value)
        @($all | Where-Object ValueFromPipelineByPropertyName | ForEach-Object Name | Sort-Object -Unique) | Should -Be @($Property)
    }
}
