@{
  RootModule = 'RedisClusterOps.dll'
  ModuleVersion = '1.0.0'
  GUID = '64f52ca1-9254-42ad-a48b-0cfd08757c71'
  Author = 'The RedisClusterOps authors'
  CompanyName = 'The RedisClusterOps authors'
  Copyright = '(c) The RedisClusterOps authors. MIT licence.'
  Description = 'Repairs stuck slot migrations of a Redis or Valkey Cluster without losing a key. Shows what is wrong, the effect on clients, and every command before it is sent. Completes, undoes, restarts or repairs slot migrations, moves slots, rebalances masters, and verifies the result on every node. No dependencies.'
  PowerShellVersion = '5.1'
  CompatiblePSEditions = @('Desktop', 'Core')
  DotNetFrameworkVersion = '4.7.2'
  ProcessorArchitecture = 'None'
  TypesToProcess = @('RedisClusterOps.Types.ps1xml')
  FormatsToProcess = @('RedisClusterOps.Format.ps1xml')
  CmdletsToExport = @(
    'Add-RedisClusterNode'
    'Complete-RedisSlotMigration'
    'Connect-RedisCluster'
    'Disconnect-RedisCluster'
    'Export-RedisClusterReport'
    'Get-RedisClusterAlert'
    'Get-RedisClusterHealth'
    'Get-RedisClusterInfo'
    'Get-RedisClusterNode'
    'Get-RedisKeyConflict'
    'Get-RedisKeySlot'
    'Get-RedisMigration'
    'Get-RedisOpenSlot'
    'Get-RedisSlotKey'
    'Get-RedisSlotLoad'
    'Invoke-RedisClusterCommand'
    'Invoke-RedisClusterFailover'
    'Invoke-RedisRebalance'
    'Measure-RedisClusterClient'
    'Measure-RedisClusterLink'
    'Measure-RedisClusterTraffic'
    'Move-RedisSlot'
    'Move-RedisSlotKey'
    'New-RedisCluster'
    'New-RedisRebalancePlan'
    'Remove-RedisClusterNode'
    'Repair-RedisCluster'
    'Restart-RedisSlotMigration'
    'Restore-RedisKey'
    'Resume-RedisMigration'
    'Set-RedisClusterReplica'
    'Show-RedisSlotMap'
    'Start-RedisSlotMigration'
    'Test-RedisCluster'
    'Undo-RedisSlotMigration'
  )
  FunctionsToExport = @()
  AliasesToExport = @()
  VariablesToExport = @()
  PrivateData = @{
    PSData = @{
      Tags = @('Redis', 'Valkey', 'Garnet', 'Cluster', 'Slot', 'Migration', 'Resharding', 'Rebalance', 'SRE', 'Runbook', 'PSEdition_Core', 'PSEdition_Desktop', 'Windows', 'Linux', 'MacOS')
      LicenseUri = 'https://opensource.org/license/mit'
      RequireLicenseAcceptance = $false
      Prerelease = 'preview'
      # Set this address to publish: links of the gallery and Get-Help -Online lead there. Empty: there are no such links.
      ProjectUri = ''
      # The package has the newest part of CHANGELOG.md here.
      ReleaseNotes = ''
    }
  }
}
