@{
  RootModule = 'RedisClusterOps.dll'
  ModuleVersion = '0.1.0'
  GUID = '64f52ca1-9254-42ad-a48b-0cfd08757c71'
  Author = 'The RedisClusterOps authors'
  CompanyName = 'The RedisClusterOps authors'
  Copyright = '(c) The RedisClusterOps authors. MIT licence.'
  Description = 'Finds slot migrations of a Redis or Valkey Cluster that got stuck, says what clients see of them, and completes, undoes, restarts or repairs them without losing a key.'
  PowerShellVersion = '5.1'
  CompatiblePSEditions = @('Desktop', 'Core')
  DotNetFrameworkVersion = '4.7.2'
  FormatsToProcess = @('RedisClusterOps.Format.ps1xml')
  CmdletsToExport = @(
    'Complete-RedisSlotMigration'
    'Connect-RedisCluster'
    'Disconnect-RedisCluster'
    'Export-RedisClusterReport'
    'Get-RedisClusterInfo'
    'Get-RedisClusterNode'
    'Get-RedisKeySlot'
    'Get-RedisMigration'
    'Get-RedisOpenSlot'
    'Get-RedisSlotKey'
    'Invoke-RedisRebalance'
    'Move-RedisSlot'
    'Move-RedisSlotKey'
    'New-RedisRebalancePlan'
    'Repair-RedisCluster'
    'Restart-RedisSlotMigration'
    'Resume-RedisMigration'
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
      Tags = @('Redis', 'Valkey', 'Garnet', 'Cluster', 'Slot', 'Migration', 'Resharding', 'PSEdition_Core', 'PSEdition_Desktop', 'Windows', 'Linux', 'MacOS')
      LicenseUri = 'https://opensource.org/license/mit'
      ReleaseNotes = '0.1.0: diagnoses a cluster; completes, undoes, restarts, repairs and resumes stuck slot migrations. See CHANGELOG.md.'
    }
  }
}
