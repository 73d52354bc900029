BeforeDiscovery {
    # What one row of a table can't hold.
    $script:Views = @(
        'RedisClusterFinding', 'RedisOpenSlot', 'RedisSlotKey', 'RedisSlotKey#Detail', 'RedisKeyConflict', 'RedisKeySlot'
        'RedisSlotMigrationResult', 'RedisSlotMoveResult', 'RedisMigrationSlot', 'RedisClusterAlert', 'RedisClusterLink'
        'RedisClusterTraffic', 'RedisCommandReply', 'RedisNodeChange'
    )
}

BeforeAll {
    . (Join-Path $PSScriptRoot 'LabCluster.ps1')
    Import-Module (Join-Path $Repository 'out/RedisClusterOps')

    # An object of a type with a long text of one letter in each property that may hold one.
    function Get-Wordy([string] $View, [hashtable] $Text) {
        $type = [RedisClusterOps.RedisClusterFinding].Assembly.GetType("RedisClusterOps.$($View.Split('#')[0])", $true)
        $object = [Activator]::CreateInstance($type)
        foreach ($name in 'Source', 'Target', 'Node', 'Endpoint', 'InUseOn', 'OtherOn') {
            $property = $type.GetProperty($name)
            if ($property.PropertyType -eq [string] -and $property.CanWrite) { $property.SetValue($object, '172.30.0.11:7001') }
        }
        foreach ($name in $Text.Keys) {
            $property = $type.GetProperty($name)
            if ($property.CanWrite -and $property.PropertyType -in [string], [object]) { $property.SetValue($object, $Text[$name]) }
        }
        $shown = [psobject]::new($object)
        $shown.PSObject.TypeNames.Insert(0, "RedisClusterOps.$View")
        $shown
    }
}

Describe 'The view <_>' -Tag Offline -ForEach $Views {
    It 'shows a long text in at least 25 columns of a window of 80, 120 and 200' {
        $text = @{}
        $letter = [int][char] 'a'
        foreach ($name in 'Message', 'Advice', 'Reason', 'Trouble', 'Name', 'Key', 'HashTag', 'Reply', 'After') {
            $text[$name] = [string] [char] $letter++ * 100
        }
        $object = Get-Wordy $_ $text
        $held = @($text.Keys | Where-Object { $object.$_ -ceq $text[$_] })
        $held | Should -Not -BeNullOrEmpty
        foreach ($width in 79, 119, 199) {
            $lines = $object | Out-String -Width $width -Stream
            ($lines | Measure-Object Length -Maximum).Maximum | Should -BeLessOrEqual $width
            foreach ($name in $held) {
                $runs = [regex]::Matches(($lines -join "`n"), $text[$name][0].ToString() + '{2,}').Value
                if ($name -in 'Message', 'Advice', 'Reason', 'Trouble') {
                    ($runs | Measure-Object Length -Sum).Sum | Should -Be 100 -Because "$name is whole at $width"
                }
                if ($runs) { ($runs | Measure-Object Length -Maximum).Maximum | Should -BeGreaterOrEqual 25 -Because "$name at $width" }
            }
        }
    }
}
